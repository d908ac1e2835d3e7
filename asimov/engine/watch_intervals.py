"""Decide how often a watch makes passes and reads event logs."""

from __future__ import annotations

from typing import NamedTuple

from asimov.configuration import number
from asimov.engine.log_watch import LOOK
from asimov.errors import AsimovError
from asimov.project.workspace import Workspace

#: Default seconds between passes. Many people may share a schedd, so it is queried once a minute.
DEFAULT = 60.0
DEFAULT_OF = {"local": 0.5}
#: The shortest interval that can be asked for, in seconds.
SHORTEST = 0.1


class Intervals(NamedTuple):
    """The intervals of a watch.

    Attributes
    ----------
    passes
        Seconds between passes, which query the scheduler.
    looks
        Seconds between reads of the event logs.
    note
        How they differ from the requested interval, in one line; None if they do not.
    """

    passes: float
    looks: float
    note: str | None = None


def watch_intervals(workspace: Workspace, requested: float | None) -> Intervals:
    """Return the requested or configured intervals, within the scheduler's limit.

    Parameters
    ----------
    workspace
        The open project.
    requested
        The value of ``--interval`` in seconds; None without one.

    Raises
    ------
    AsimovError
        If ``[monitor] interval`` is too short or not a number.
    """
    config, scheduler = workspace.project.config, workspace.scheduler()
    name = workspace.project.scheduler_name
    asked = requested
    if asked is None and config.has_option("monitor", "interval"):
        asked = number(config, "monitor", "interval", DEFAULT)
        if asked < SHORTEST:
            raise AsimovError(
                f"should be {SHORTEST:g} seconds or more, not {asked:g}",
                where="configuration: monitor/interval",
                hint=f"for this: asimov configuration update monitor/interval {SHORTEST:g}",
            )
    shortest = scheduler.shortest_interval
    if asked is None:
        return Intervals(max(DEFAULT_OF.get(name, DEFAULT), shortest), LOOK)
    looks = min(LOOK, asked)
    if asked >= shortest:
        return Intervals(asked, looks)
    where = f" ({scheduler.interval_option})" if scheduler.interval_option else ""
    return Intervals(
        shortest,
        looks,
        f"note: {name} is queried at most every {shortest:g} s{where}, not "
        f"every {asked:g} s; event logs are read every {looks:g} s in between",
    )
