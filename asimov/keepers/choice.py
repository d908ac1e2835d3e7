"""The ways to keep a monitor running, the configured one, and the best one for this machine."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import dataclass

from asimov.errors import AsimovError
from asimov.keepers.cron import CronEntry
from asimov.keepers.job import Job, SchedulerJob
from asimov.keepers.keeper import Keeper
from asimov.keepers.process import BackgroundProcess
from asimov.keepers.systemd import SystemdUnit
from asimov.project.workspace import Workspace
from asimov.text import did_you_mean, quoted

#: Every way, by its name.
KEEPERS: dict[str, Keeper] = {
    each.name: each
    for each in (Job(), SchedulerJob(), SystemdUnit(), CronEntry(), BackgroundProcess())
}


@dataclass(frozen=True)
class Way:
    """A way to keep the monitor of a project running on this machine.

    Attributes
    ----------
    name
        As of `Keeper`.
    meaning, outlives
        As `Keeper.described` returns them.
    problem
        Why it can't be used here, or None.
    caution
        What to know before using it here, or None.
    """

    name: str
    meaning: str
    outlives: str
    problem: str | None
    caution: str | None


def keeper(name: str, where: str | None = None) -> Keeper:
    """Return the keeper of a name.

    Parameters
    ----------
    name
        The name.
    where
        The place of the name, for the error.

    Raises
    ------
    AsimovError
        If there is none of that name.
    """
    if name not in KEEPERS:
        raise AsimovError(
            f"{quoted(name)} is not a way to keep a monitor running{did_you_mean(name, KEEPERS)}",
            where=where,
            hint=f"choose one of {', '.join(KEEPERS)}; 'asimov start --how' recommends one",
        )
    return KEEPERS[name]


def configured(config: ConfigParser) -> Keeper:
    """Return the keeper that the configuration chooses; a job by default."""
    name = config.get("monitor", "keeper", fallback="").strip()
    return keeper(name, "configuration: monitor/keeper") if name else KEEPERS["job"]


def ways(workspace: Workspace) -> list[Way]:
    """Return every way, with what keeps it from being used on this machine."""
    return [_way(workspace, each) for each in KEEPERS.values()]


def _way(workspace: Workspace, each: Keeper) -> Way:
    try:
        problem = each.problem(workspace)
    except AsimovError as error:
        problem = error.message
    caution = None if problem else each.caution(workspace)
    return Way(each.name, *each.described(workspace), problem, caution)


def recommended(workspace: Workspace, found: list[Way]) -> tuple[Way, str]:
    """Return the best way on this machine, and why it is.

    Parameters
    ----------
    workspace
        The open project.
    found
        All ways, as from `ways`.
    """
    usable = {way.name: way for way in found if not way.problem}
    best = ["systemd", "cron"]
    if workspace.project.scheduler_name == "htcondor":
        best.insert(0, "job")
    ranked = [usable[name] for name in dict.fromkeys([*best, "job"]) if name in usable]
    certain = [way for way in ranked if not way.caution]
    process = [way for way in found if way.name == "process"]
    way = [*certain, *ranked, *process][0]
    why = _WHY[workspace.project.scheduler_name == "htcondor" and way.name == "job", way.name]
    return way, f"{why}; but {way.caution}" if way.caution else why


#: Why a way may be the best: whether it is a job on HTCondor, and its name.
_WHY = {
    (True, "job"): "HTCondor starts the monitor again after a crash of its own, of the schedd and "
    "of the machine, and it needs no login session",
    (False, "systemd"): "systemd starts the monitor again after a crash and a reboot, and it needs "
    "no login session",
    (False, "cron"): "cron makes a pass every few minutes, also after a logout and a reboot, and "
    "nothing has to keep running",
    (False, "job"): "nothing on this machine starts the monitor again after a reboot; the local "
    "queue does at least after a crash",
    (False, "process"): "nothing on this machine starts the monitor again: see with 'asimov "
    "status' whether it is alive",
}
