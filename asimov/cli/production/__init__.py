"""``asimov production``: show an analysis, set its state, or confirm that it was removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from asimov.cli.ledger.creation import create_production_command
from asimov.cli.ledger.removal import delete_production_command
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.production.results import results_command
from asimov.cli.selection import Selection, confirm, counted, selection_options, yes_option
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show, show_json, warn
from asimov.configuration import owner
from asimov.engine.lease import at_work
from asimov.engine.plain_data.analysis import analysis_data
from asimov.engine.provenance.result_settings import result_settings
from asimov.engine.set_state import StateChange, rehearse, set_states
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.documents import dump
from asimov.project import removed


@click.group("production")
def command() -> None:
    """Show or change one analysis.

    \b
    Example:
      asimov production show sunspots/detrend
    """


command.add_command(create_production_command)
command.add_command(delete_production_command)
command.add_command(results_command)


@command.command("set")
@selection_options
@click.option("-s", "--status", required=True, help="The new state.")
@click.option("--reason", help="Why; recorded in the log.")
@click.option("--lost", is_flag=True, help="Give up its job: the scheduler will never report it.")
@yes_option
def set_command(
    selection: Selection, status: str, reason: str | None, lost: bool, yes: bool
) -> None:
    """Move analyses to another state.

    An analysis named as SUBJECT/NAME is moved at once. If you select analyses with patterns or
    filters, this lists them and asks before it acts, unless you give --yes.

    With --lost, asimov gives up an analysis's job first. Use it where the job's schedd is gone for
    good, and make sure that the job no longer runs.

    \b
    Example:
      asimov production set sunspots/detrend --status restart --reason "new data"
      asimov production set 'sun*' --state stuck --status restart
    """
    selection.require()
    workspace = open_workspace(Use.ACT)
    keys = selection.of(workspace)
    if selection.filtered or not selection.names(keys):
        confirm_changes(rehearse(workspace, keys, status, lost=lost), status, yes)
    refused = tell(set_states(workspace, keys, status, reason, lost=lost))
    if refused:
        raise refused


def confirm_changes(
    planned: Mapping[Key, StateChange | AsimovError], status: str, yes: bool
) -> None:
    """Ask whether to set analyses to a state.

    Raises
    ------
    AsimovError
        If none can be set to it.
    """
    able = [key for key, change in planned.items() if isinstance(change, StateChange)]
    if not able:
        raise tell(planned) or AsimovError("none can be set")
    lines = [_line(key, change) for key, change in planned.items()]
    confirm(lines, yes, f"set {counted(able)} to {status}")


def _line(key: Key, change: StateChange | AsimovError) -> str:
    if isinstance(change, AsimovError):
        return f"refused: {change}"
    if change.before == change.after:
        return f"{key} is {change.after} already"
    return f"{key}: {change.before} -> {change.after}"


def tell(changes: Mapping[Key, StateChange | AsimovError]) -> AsimovError | None:
    """Print the changes of states; return the error of those that were refused, if any were."""
    errors = [change for change in changes.values() if isinstance(change, AsimovError)]
    for key, change in changes.items():
        if isinstance(change, AsimovError):
            if len(changes) > 1:
                warn(f"error: {change.with_hint}")
        elif change.before == change.after:
            say(f"{key} is {change.after} already", change.after)
        else:
            pending = f"; {change.pending}" if change.pending else ""
            say(f"{key}: {change.before} -> {change.after}{pending}")
    if not errors:
        return None
    if len(changes) == 1:
        return errors[0]
    return AsimovError(
        f"{len(errors)} of {len(changes)} changes were refused", hint="the lines above say why"
    )


@command.command("forget")
@click.argument("words", nargs=-1, required=True, metavar="SUBJECT[/NAME] [NAME]...")
@click.option("--reason", default="removed from the ledger", help="Why; recorded in the log.")
def forget_command(words: tuple[str, ...], reason: str) -> None:
    """Confirm that analyses of SUBJECT were removed from the ledger on purpose.

    Without NAME, this confirms every missing analysis of SUBJECT. Commands then stop warning about
    them. Their history stays in the journal, and their files stay in place.

    \b
    Example:
      asimov production forget sunspots/detrend
    """
    workspace = open_workspace(Use.ACT)
    by_subject: dict[str, list[str]] = {}
    for word in words:
        subject, slash, name = word.partition("/")
        if slash:
            by_subject.setdefault(subject, []).append(name)
        elif not by_subject:
            by_subject[word] = []
        else:
            by_subject[[*by_subject][-1]].append(word)
    # A pass that has read the ledger with them in it could still submit them.
    with at_work(workspace, "asimov production forget", wait=True), workspace.journal.durably():
        forgotten = [
            key
            for subject, names in by_subject.items()
            for key in removed.forget(workspace, subject, names, owner(), reason)
        ]
    for key in forgotten:
        say(f"{key}: forgotten; 'asimov log' still shows its history")


@command.command("show")
@analysis_argument()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show_command(subject: str, name: str, as_json: bool) -> None:
    """Show the analysis NAME of SUBJECT: state, attempts, usage, folders, products, settings.

    The settings are those of its last attempt. Settings that have changed in the ledger since are
    marked; --json also lists them under "changed_since_it_ran". Without an attempt, the settings
    are those of the ledger.

    \b
    Example:
      asimov production show sunspots/detrend --json
    """
    workspace = open_workspace(Use.READ, files=True)
    key = workspace.key(subject, name)
    shown, error = analysis_data(workspace, key)
    if error:
        warn(f"warning: {error}")
    result = result_settings(workspace, key)
    if as_json:
        show_json(shown)
        return
    show_analysis(shown, result.lines if result else None)


def show_analysis(shown: Mapping[str, Any], lines: Sequence[str] | None) -> None:
    """Print an analysis.

    Parameters
    ----------
    shown
        It, as `analysis_data` returns it.
    lines
        The settings that it ran with, as lines; None if it has not run.
    """
    left = {"changed_since_it_ran", "settings"}
    head = {name: value for name, value in shown.items() if name not in left}
    lines = dump(shown["settings"]).rstrip().splitlines() if lines is None else lines
    show("\n".join([dump(head) + "settings:", *(f"  {line}" for line in lines)]))
