"""``asimov why``."""

from __future__ import annotations

from dataclasses import asdict

import click

from asimov.cli.opened import Use, open_workspace
from asimov.cli.output import say, show_json
from asimov.engine.explain import explain


@click.command("why")
@click.argument("subject")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(subject: str, name: str, as_json: bool) -> None:
    """Say why the analysis NAME of SUBJECT is where it is, and what would move it.

    The scheduler is asked about its job.

    \b
    Example:
      asimov why sunspots detrend
    """
    workspace = open_workspace(Use.READ)
    told = explain(workspace, workspace.key(subject, name))
    if as_json:
        show_json(asdict(told))
        return
    since = f" since {told.since}" if told.since else ""
    reason = f": {told.reason}" if told.reason else ""
    say(f"{subject}/{name} is {told.status}{since}{reason}")
    for heading, lines in (("why", told.because), ("what moves it", told.moves)):
        if lines:
            say(f"{heading}:")
        for line in lines:
            say(f"  {line}")
