"""The option ``--interval`` of ``asimov monitor`` and ``asimov start``."""

from __future__ import annotations

import click

from asimov.cli.terminal.seconds import Seconds
from asimov.engine.watch_intervals import SHORTEST

interval_option = click.option(
    "--interval",
    type=Seconds(min=SHORTEST),
    metavar="SECONDS",
    help="The time between passes.",
)
