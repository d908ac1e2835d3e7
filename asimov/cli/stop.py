"""``asimov stop``."""

from __future__ import annotations

import click

from asimov.cli.opened import Use, open_workspace
from asimov.cli.output import say
from asimov.engine import background


@click.command("stop")
def command() -> None:
    """Stop the monitor that runs in the background; jobs go on.

    \b
    Example:
      asimov stop
    """
    job = background.stop(open_workspace(Use.ACT))
    say(f"Stopped the monitor (job {job})")
