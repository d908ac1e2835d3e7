"""``asimov log``: show what happened."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.journal.records import Event
from asimov.system import clock


@click.command("log")
@click.argument("subject", required=False)
@click.argument("analysis", required=False)
@click.option(
    "--last", type=click.IntRange(1, 1_000_000_000), help="Show only this many of the last events."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def command(subject: str | None, analysis: str | None, last: int | None, as_json: bool) -> None:
    """Show what happened, when and why: to all analyses, to SUBJECT or to one ANALYSIS.

    \b
    Example:
      asimov log sunspots detrend
    """
    workspace = open_workspace(Use.READ)
    events = workspace.journal.events(subject, analysis, last)
    if not events and subject is not None:
        # Raises for an unknown name. Analyses removed from the ledger still have their events.
        if analysis is None:
            workspace.keys(subject)
        else:
            workspace.key(subject, analysis)
    if as_json:
        shown = [{**event._asdict(), "time": clock.iso(event.time)} for event in events]
        show_json(shown)
        return
    for event in events:
        say(_line(event))
        for line in (event.details or "").splitlines():
            say(f"    {line}")
    if not events:
        say("Nothing has happened yet")


def _line(event: Event) -> str:
    what = event.kind
    if event.after is not None:
        what = f"{event.before or 'new'} -> {event.after}"
    reason = f": {event.reason}" if event.reason else ""
    whose = f"{event.subject}/{event.name}" if event.subject else "the project"
    return f"{clock.iso(event.time)}  {whose}  {what}  [{event.actor}]{reason}"
