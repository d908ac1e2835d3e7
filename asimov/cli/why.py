"""``asimov why``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from asimov.cli.opened import open_workspace
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
    workspace = open_workspace()
    told = explain(workspace, workspace.key(subject, name))
    if as_json:
        click.echo(json.dumps(asdict(told), indent=2))
        return
    since = f" since {told.since}" if told.since else ""
    reason = f": {told.reason}" if told.reason else ""
    click.echo(f"{subject}/{name} is {told.status}{since}{reason}")
    for heading, lines in (("why", told.because), ("what moves it", told.moves)):
        if lines:
            click.echo(f"{heading}:")
        for line in lines:
            click.echo(f"  {line}")
