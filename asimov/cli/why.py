"""``asimov why``: explain the state of analyses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import click

from asimov import text
from asimov.cli.open_project import Use, open_workspace, warn_of_notifications
from asimov.cli.selection import Selection, selection_options
from asimov.cli.terminal.output import say, show_json
from asimov.engine.explain import Explanation, explain


@click.command("why")
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, or a list of several.")
def command(selection: Selection, as_json: bool) -> None:
    """Explain why analyses are in their states, and what would change that.

    This asks the scheduler about their jobs.

    \b
    Example:
      asimov why sunspots/detrend
      asimov why --state stuck
    """
    selection.require()
    workspace = open_workspace(Use.READ, files=True)
    keys = selection.of(workspace)
    found = [explain(workspace, key) for key in keys]
    if as_json:
        shown = [asdict(each) for each in found]
        show_json(shown[0] if selection.names(keys) else shown)
        warn_of_notifications(workspace)
        return
    show_explanations(found)
    warn_of_notifications(workspace)


def show_explanations(found: Iterable[Explanation]) -> None:
    """Print explanations, with a line between any two."""
    for number, each in enumerate(found):
        if number:
            say()
        _show(each)


def _show(found: Explanation) -> None:
    since = f" since {found.since}" if found.since else ""
    reason = f": {found.reason}" if found.reason else ""
    name = f"{found.subject}/{found.name}"
    if found.fix is not None:
        say(f"most likely fix for {name}: {found.fix}")
    if found.log is not None:
        say(f"log: {found.log}")
        for line in found.log_end:
            say(f"  | {text.short(line)}")
    say(f"{name} is {found.status}{since}{reason}", found.status)
    if found.seed is not None:
        say(f"seed of its last attempt: {found.seed}")
    for heading, lines in found.sections.items():
        if lines:
            say(f"{heading}:")
        for line in lines:
            say(f"  {line}")
