"""``asimov report``."""

from __future__ import annotations

import click

from asimov.cli.opened import open_workspace
from asimov.engine.status import rows


@click.group("report")
def command() -> None:
    """Report on the project.

    \b
    Example:
      asimov report status
    """


@command.command("status")
@click.argument("subject", required=False)
def status_command(subject: str | None) -> None:
    """Print a line for each analysis: its name, pipeline and state, under its subject.

    \b
    Example:
      asimov report status sunspots
    """
    workspace = open_workspace()
    above = None
    for row in rows(workspace, workspace.keys(subject)):
        if row.subject != above:
            click.echo(row.subject)
            above = row.subject
        detail = f"  ({'; '.join(row.waiting_for)})" if row.waiting_for else ""
        click.echo(f"  {row.name} {row.pipeline} {row.status}{detail}")
