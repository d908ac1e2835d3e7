"""``asimov why``: explain the state of an analysis."""

from __future__ import annotations

from dataclasses import asdict

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, show_json
from asimov.engine.explain import explain


@click.command("why")
@click.argument("subject")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(subject: str, name: str, as_json: bool) -> None:
    """Explain why an analysis is in its state, and what would change that.

    This asks the scheduler about the analysis's job.

    \b
    Example:
      asimov why sunspots detrend
    """
    workspace = open_workspace(Use.READ)
    found = explain(workspace, workspace.key(subject, name))
    if as_json:
        show_json(asdict(found))
        return
    since = f" since {found.since}" if found.since else ""
    reason = f": {found.reason}" if found.reason else ""
    say(f"{subject}/{name} is {found.status}{since}{reason}", found.status)
    if found.seed is not None:
        say(f"seed of its last attempt: {found.seed}")
    told = {"why": found.because, "what moves it": found.moves, "what it uses": found.uses}
    for heading, lines in told.items():
        if lines:
            say(f"{heading}:")
        for line in lines:
            say(f"  {line}")
