"""How often a watch makes passes and looks at event logs, and the option that says so."""

from __future__ import annotations

from typing import NamedTuple

import click

from asimov.cli.seconds import Seconds
from asimov.configuration import number
from asimov.engine.log_watch import LOOK
from asimov.errors import AsimovError
from asimov.project.workspace import Workspace

#: Seconds between passes where nobody says otherwise: a schedd that many people share is asked
#: once a minute.
_USUAL = 60.0
_USUAL_OF = {"local": 0.5}
_LEAST = 0.1


interval_option = click.option(
    "--interval", type=Seconds(min=_LEAST), metavar="SECONDS", help="Between passes."
)


class Rhythm(NamedTuple):
    """Seconds between passes and between looks at event logs.

    Attributes
    ----------
    passes, looks
        The seconds.
    note
        What differs from what was asked for, in one line; None where nothing does.
    """

    passes: float
    looks: float
    note: str | None = None


def rhythm_of(workspace: Workspace, typed: float | None) -> Rhythm:
    """Return how often to act: as often as was typed or configured, and the scheduler bears.

    Parameters
    ----------
    workspace
        The open project.
    typed
        What ``--interval`` says, if it was given.

    Raises
    ------
    AsimovError
        Where ``[monitor] interval`` is no such number.
    """
    config, scheduler = workspace.project.config, workspace.scheduler()
    asked = typed
    if asked is None and config.has_option("monitor", "interval"):
        asked = number(config, "monitor", "interval", _USUAL)
        if asked < _LEAST:
            raise AsimovError(
                f"should be a number from {_LEAST:g}, and is {asked:g}",
                where="configuration: monitor/interval",
                hint=f"asimov configuration update monitor/interval {_LEAST:g}",
            )
    floor = scheduler.shortest_interval
    if asked is None:
        return Rhythm(max(_USUAL_OF.get(workspace.scheduler_name, _USUAL), floor), LOOK)
    looks = min(LOOK, asked)
    if asked >= floor:
        return Rhythm(asked, looks)
    where = f" ({scheduler.interval_option})" if scheduler.interval_option else ""
    return Rhythm(
        floor,
        looks,
        f"note: {workspace.scheduler_name} is asked every {floor:g} s at most{where}, and not "
        f"every {asked:g} s; event logs are read every {looks:g} s in between",
    )
