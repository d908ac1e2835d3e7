"""``asimov ledger history`` lists the changes that commands made; ``undo`` takes one back."""

from __future__ import annotations

from collections.abc import Sequence

import click

from asimov.cli.ledger.removal import reason_option
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.changes.undo import (
    EditedSinceError,
    choose,
    difference,
    look_over,
    outdates,
    shown,
    undo,
)
from asimov.errors import AsimovError
from asimov.journal.revisions import Revision, Revisions, digest
from asimov.ledger.plan import outdated_lines
from asimov.project import history
from asimov.project.workspace import Workspace
from asimov.system import clock
from asimov.text import did_you_mean, quoted, short

#: The most lines of a difference to print.
_MOST = 60


@click.command("history")
@click.argument("name", required=False, metavar="[SUBJECT[/NAME]]")
@click.option(
    "-l", "--last", type=click.IntRange(1), help="Show only this many of the latest changes."
)
@click.option("-p", "--diff", "diffs", is_flag=True, help="Show what changed in the files.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def history_command(name: str | None, last: int | None, diffs: bool, as_json: bool) -> None:
    """List the changes that commands made to the ledger: when, who, how, why, and what.

    Edits by hand are not recorded; files edited since the last command are named at the end.
    Up to 50 MB of earlier texts (compressed) are kept, and the list for ever.

    \b
    Example:
      asimov ledger history sunspots/detrend
      asimov ledger history --last 1 --diff
    """
    workspace = open_workspace(Use.READ)
    revisions = Revisions(workspace.journal)
    subject, slash, analysis = (name or "").partition("/")
    found = [
        each
        for each in revisions.all()
        if not subject or history.concerns(each, subject, analysis or None)
    ]
    if not found and name:
        known = {*workspace.contents.entries, *workspace.records}
        names = {str(key) for key in known} if slash else {key.subject for key in known}
        names |= set() if slash else set(workspace.contents.subjects)
        if name not in names:
            what = "analysis" if slash else "subject"
            raise AsimovError(
                f"there is no {what} {quoted(name)}, now or earlier{did_you_mean(name, names)}",
                hint="'asimov ledger history' without a name lists all changes",
            )
    found = found[-last:] if last else found
    if as_json:
        show_json([_as_data(each) for each in found])
        return
    undone = {each.what.get("undoes"): each.number for each in revisions.all()}
    for each in found:
        why = f": {each.reason}" if each.reason else ""
        undoes = f"  (undoes {each.what['undoes']})" if "undoes" in each.what else ""
        taken_back = f"  (undone by {undone[each.number]})" if each.number in undone else ""
        head = f"{each.number}  {clock.iso(each.time)}  {each.author}  {each.command}{why}"
        say(f"{head}{undoes}{taken_back}")
        for line in history.lines(each):
            say(f"    {line}")
        if diffs:
            _say_some(_differences(revisions, each))
    if not found:
        say("No command has changed it yet")
    for path in _edited(workspace, revisions):
        if not subject or history.subject_of(path) == subject:
            say(f"Edited by hand since: ledger/{path}")


@click.command("undo")
@click.argument("number", required=False, type=click.IntRange(1), metavar="[N]")
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only print what would change.")
@click.option(
    "--force", is_flag=True, help="Even if analyses leave or return that have run, or are needed."
)
@reason_option
def undo_command(number: int | None, dry_run: bool, force: bool, reason: str | None) -> None:
    """Undo change N of the history, or the last one that is not undone yet.

    This restores the files of the ledger as they were before it. Analyses that the change added
    leave the ledger, unless they have run (--force); those that it removed return with their
    states. An undo is a change itself, and can be undone by its number.

    \b
    Example:
      asimov ledger undo --dry-run
      asimov ledger undo 12 -m "the wrong file"
    """
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    revision = choose(workspace, number)
    try:
        planned = look_over(workspace, revision, force=force)
        _say_some(shown(workspace, planned.texts.items()))
        outdated = outdates(workspace, planned)
        done = planned if dry_run else undo(workspace, revision.number, reason=reason, force=force)
    except EditedSinceError as error:
        for line in error.difference[:_MOST]:
            warn(f"  {short(line)}")
        raise
    for key in done.leaving:
        say(f"{key} leaves the ledger")
    for note in done.notes:
        say(note)
    for line in outdated_lines(outdated, whole=True):
        say(line)
    would = "Would undo" if dry_run else "Undid"
    say(f"{would} change {revision.number} of {clock.iso(revision.time)}: {revision.command}")


def _say_some(lines: Sequence[str]) -> None:
    for line in lines[:_MOST]:
        say(f"  {short(line)}")
    if len(lines) > _MOST:
        say(f"  ... and {len(lines) - _MOST} more lines")


def _differences(revisions: Revisions, revision: Revision) -> list[str]:
    lines = []
    for path, digests in revisions.documents(revision.number).items():
        texts = [revisions.text(each) if each else "" for each in digests]
        if None in texts:
            lines.append(f"{path}: its earlier text is no longer kept")
        else:
            lines += difference(path, texts[0] or "", texts[1] or "")
    return lines


def _edited(workspace: Workspace, revisions: Revisions) -> list[str]:
    """Return the documents that differ from what the last command wrote."""
    return [
        path
        for path, known in revisions.latest().items()
        if not path.startswith(history.REVIEW)
        and known != (digest(text) if (text := workspace.files.text(path)) is not None else None)
    ]


def _as_data(revision: Revision) -> dict[str, object]:
    return {
        "number": revision.number,
        "time": clock.iso(revision.time),
        "author": revision.author,
        "command": revision.command,
        "reason": revision.reason,
        **{key: each for key, each in revision.what.items() if key != "earlier"},
    }
