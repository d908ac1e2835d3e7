"""``asimov start``."""

from __future__ import annotations

import click

from asimov.cli.opened import open_workspace
from asimov.cli.output import say
from asimov.engine import service


@click.command("start")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Between passes."
)
def command(interval: float | None) -> None:
    """Keep the monitor running in the background until 'asimov stop'.

    It builds and submits what becomes ready. On HTCondor it is a local-universe job, on the local
    scheduler a process of its own.

    \b
    Example:
      asimov start --interval 60
    """
    workspace = open_workspace()
    job = service.start(workspace, interval)
    log = workspace.project.logs / "monitor.log"
    say(f"The monitor runs in the background as job {job}; it writes to {log}")
