"""``asimov stop``: stop the background monitor."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say
from asimov.engine import background


@click.command("stop")
def command() -> None:
    """Stop the background monitor; jobs keep running.

    \b
    Example:
      asimov stop
    """
    stopped = background.stop(open_workspace(Use.ACT))
    if stopped.ran:
        say(f"Stopped the monitor ({stopped.what}); jobs keep running")
    else:
        say(f"The monitor ({stopped.what}) was not running any more; jobs keep running")
