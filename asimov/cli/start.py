"""``asimov start``: run the monitor in the background."""

from __future__ import annotations

import click

from asimov.cli.interval import interval_option
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.output import say, warn
from asimov.engine import background
from asimov.engine.watch_intervals import watch_intervals


@click.command("start")
@interval_option
def command(interval: float | None) -> None:
    """Keep the monitor running in the background until 'asimov stop'.

    It also builds and submits analyses that become ready. On HTCondor it runs as a local-universe
    job, on the local scheduler as a separate process.

    \b
    Example:
      asimov start --interval 60
    """
    workspace = open_workspace(Use.ACT)
    if note := watch_intervals(workspace, interval).note:
        warn(note)
    job = background.start(workspace, interval)
    log = workspace.project.logs / "monitor.log"
    say(f"The monitor now runs in the background as job {job}; its output goes to {log}")
