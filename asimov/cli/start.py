"""``asimov start``."""

from __future__ import annotations

import click

from asimov.cli.opened import Use, open_workspace
from asimov.cli.output import say, warn
from asimov.cli.rhythm import interval_option, rhythm_of
from asimov.engine import background


@click.command("start")
@interval_option
def command(interval: float | None) -> None:
    """Keep the monitor running in the background until 'asimov stop'.

    It builds and submits what becomes ready. On HTCondor it is a local-universe job, on the local
    scheduler a process of its own.

    \b
    Example:
      asimov start --interval 60
    """
    workspace = open_workspace(Use.ACT)
    if note := rhythm_of(workspace, interval).note:
        warn(note)
    job = background.start(workspace, interval)
    log = workspace.project.logs / "monitor.log"
    say(f"The monitor runs in the background as job {job}; it writes to {log}")
