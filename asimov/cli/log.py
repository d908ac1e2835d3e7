"""``asimov log``: the project's history: which analysis changed, when and why."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import say, show_json
from asimov.engine.plain_data.events import event_data
from asimov.journal.history import events, keys_with_events
from asimov.journal.keys import Key
from asimov.journal.records import Event
from asimov.project.workspace import Workspace
from asimov.system import clock
from asimov.system.readers import unread

#: Seconds between two looks of ``--follow``.
_LOOK = 0.5


@click.command("log")
@selection_options
@click.option(
    "--last", type=click.IntRange(1, 1_000_000_000), help="Show only this many of the last events."
)
@click.option("-f", "--follow", is_flag=True, help="Keep showing new events until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def command(selection: Selection, last: int | None, follow: bool, as_json: bool) -> None:
    """Show what happened to analyses, when and why.

    With --since, this shows the events since then. The other filters select analyses as they are
    now, and show everything that happened to them. Analyses that were removed from the ledger keep
    their events.

    \b
    Example:
      asimov log sunspots/detrend
      asimov log --since yesterday
      asimov log --state stuck
      asimov log 'sun*/detrend*' --follow
    """
    if follow and as_json:
        raise click.UsageError("--follow and --json can't be combined")
    workspace = open_workspace(Use.READ)
    since = selection.since
    selection = replace(selection, since=None)
    found, newest = events(workspace.journal, _keys(workspace, selection), since=since, last=last)
    if as_json:
        show_json([event_data(event) for event in found])
        return
    show_events(found)
    if not found and not follow:
        say_nothing_happened(since)
    version = workspace.journal.version()
    while follow and not unread():
        time.sleep(_LOOK)
        if (now := workspace.journal.version()) == version:
            continue
        version = now
        workspace.reload()
        found, newest = events(workspace.journal, _keys(workspace, selection), after=newest)
        show_events(found)


def _keys(workspace: Workspace, selection: Selection) -> list[Key] | None:
    """Return the selected analyses, also those that are in the ledger no more; None for all."""
    if not selection.given:
        return None
    more = [*workspace.records, *keys_with_events(workspace.journal)]
    return selection.of(workspace, more=more, may_be_empty=True)


def say_nothing_happened(since: float | None) -> None:
    """Say that there are no events, at all or since a time."""
    say("Nothing has happened yet" if since is None else "Nothing has happened since then")


def show_events(found: Iterable[Event]) -> None:
    """Print events, a line each, and their details below."""
    for event in found:
        say(_line(event))
        for line in (event.details or "").splitlines():
            say(f"    {line}")


def _line(event: Event) -> str:
    what = event.kind
    if event.after is not None:
        what = f"{event.before or 'new'} -> {event.after}"
    reason = f": {event.reason}" if event.reason else ""
    whose = f"{event.subject}/{event.name}" if event.subject else "the project"
    return f"{clock.iso(event.time)}  {whose}  {what}  [{event.actor}]{reason}"
