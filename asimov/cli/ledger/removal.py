"""``asimov rm`` and the commands ``delete``: remove analyses or subjects from the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, confirm, selection_options, yes_option
from asimov.cli.terminal.output import say, warn
from asimov.engine.changes.removal import Removal, check, look_over, remove
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.text import counted, line

_Command = TypeVar("_Command", bound=Callable[..., Any])
#: The option of commands that say why they change the ledger.
reason_option = click.option(
    "-m", "--reason", metavar="TEXT", help="Why; recorded in the log and the history."
)


def _options(command: _Command) -> _Command:
    """Give a click command the options of a removal."""
    decorated: Any = command
    for option in (
        click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only print the plan."),
        yes_option,
        click.option("--force", is_flag=True, help="Even if other analyses need them."),
        click.option("--results", is_flag=True, help="Delete run directories and results too."),
        click.option("--stop", is_flag=True, help="Cancel their jobs first."),
        reason_option,
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


@click.command("rm")
@selection_options
@_options
def rm_command(selection: Selection, dry_run: bool, **how: Any) -> None:
    """Remove analyses, or whole subjects, from the ledger.

    SUBJECT by its plain name stands for the whole subject, 'SUBJECT/*' for its analyses. The
    journal keeps their history. Their run directories and stored results stay where they are,
    unless --results deletes them for good. An analysis that is added again under the same name
    starts fresh. 'asimov ledger undo' brings back what was removed, with its state.

    Refused while another analysis needs one of them (--force), or while one has a job (--stop).

    \b
    Example:
      asimov rm sunspots/detrend --dry-run
      asimov rm 'sunspots/test*' --yes -m "only tests"
      asimov rm sunspots --stop --results
    """
    selection.require()
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    subjects = _whole_subjects(workspace, selection)
    keys = selection.of(workspace, may_be_empty=bool(subjects))
    act(workspace, keys, subjects, "asimov rm", dry_run=dry_run, **how)


@click.command("delete")
@click.argument("name")
@_options
def delete_event_command(name: str, dry_run: bool, **how: Any) -> None:
    """Remove the subject NAME and all of its analyses from the ledger, as 'asimov rm NAME' does.

    \b
    Example:
      asimov event delete sunspots --dry-run
    """
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    act(workspace, [], [name], "asimov event delete", dry_run=dry_run, **how)


@click.command("delete")
@selection_options
@_options
def delete_production_command(selection: Selection, dry_run: bool, **how: Any) -> None:
    """Remove analyses from the ledger, as 'asimov rm' does; subjects stay.

    \b
    Example:
      asimov production delete sunspots detrend --dry-run
    """
    selection.require()
    workspace = open_workspace(Use.acting(dry_run=dry_run), files=True)
    keys = selection.of(workspace)
    act(workspace, keys, [], "asimov production delete", dry_run=dry_run, **how)


def act(
    workspace: Workspace,
    keys: Iterable[Key],
    subjects: Iterable[str],
    command: str,
    *,
    dry_run: bool,
    yes: bool,
    force: bool,
    results: bool,
    stop: bool,
    reason: str | None,
) -> None:
    """Print what would be removed, ask, and remove it."""
    removal = look_over(workspace, keys, subjects)
    check(removal, stop=stop or dry_run, force=force or dry_run)
    lines = _plan(workspace, removal, results=results)
    for key, needed in removal.dependants.items():
        warn(f"note: {key} needs {', '.join(map(str, needed))}")
    if dry_run:
        for each in lines:
            say(f"  {each}")
        say("Nothing was removed")
        return
    confirm(lines, yes, f"remove {_count(removal)}")
    how = {"stop": stop, "results": results, "force": force}
    lost = remove(workspace, removal, say, command=command, reason=reason, **how)
    for path in lost:
        warn(f"note: comments in {path} could not be kept")
    back = "brings back the entries, not what they ran and made" if results else "brings it back"
    say(f"Removed {_count(removal)}; 'asimov ledger undo' {back}")
    if removal.files and not results:
        say(f"Kept: {counted(len(removal.files), 'folder')} with what they ran and made")


def _plan(workspace: Workspace, removal: Removal, *, results: bool) -> list[str]:
    jobs = {each.key: each.job_id for each in removal.jobs}
    lines = [f"subject {name}" for name in removal.subjects]
    for key in removal.keys:
        job = f", job {jobs[key] or '?'} is cancelled" if key in jobs else ""
        lines.append(f"{key} ({workspace.status(key)}{job})")
    word = "DELETED for good" if results else "kept"
    return [*lines, *(f"{word}: {path}{_link(workspace, path)}" for path in removal.files)]


def _link(workspace: Workspace, path: str) -> str:
    """Return what is said of a folder that is only a link; what it leads to stays."""
    whole = workspace.project.path(path)
    return f" (only the link; {line(str(whole.readlink()))} stays)" if whole.is_symlink() else ""


def _count(removal: Removal) -> str:
    number = len(removal.keys)
    subjects = len(removal.subjects)
    parts = [f"{subjects} subject{'s' if subjects > 1 else ''}"] if subjects else []
    if number or not parts:
        parts.append(f"{number} {'analysis' if number == 1 else 'analyses'}")
    return " with ".join(parts)


def _whole_subjects(workspace: Workspace, selection: Selection) -> list[str]:
    """Return the subjects that are named as a whole, by their plain names."""
    if selection.filtered or Key(*(selection.patterns * 2)[:2]) in workspace.contents.entries:
        return []
    return [each for each in selection.patterns if each in workspace.contents.subjects]
