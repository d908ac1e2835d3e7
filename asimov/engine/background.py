"""Start and stop the monitor in the background, one for each project."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

from asimov.errors import AsimovError
from asimov.keepers import job
from asimov.keepers.choice import configured, keeper
from asimov.keepers.keeper import Kept
from asimov.keepers.launcher import write_launcher
from asimov.keepers.present import kept
from asimov.project.workspace import Workspace
from asimov.system.files import locked


def start(workspace: Workspace, interval: float | None, name: str | None = None) -> Kept:
    """Keep ``asimov monitor --chain`` looking after the project until `stop`.

    Parameters
    ----------
    workspace
        The open project.
    interval
        Seconds between passes; None for the configured number.
    name
        What keeps it running; None for the configured keeper.

    Raises
    ------
    AsimovError
        If it runs already, the keeper can't be used here, or another command is just starting or
        stopping it.
    SchedulerUnreachableError
        If this can't be found out.
    """
    chosen = keeper(name) if name else configured(workspace.project.config)
    with _alone(workspace, "asimov start"):
        job.settle(workspace)
        known = kept(workspace)
        if known is not None and (known.elsewhere or not keeper(known.keeper).gone(known)):
            raise AsimovError(
                f"the monitor is already running in the background, {known.how}",
                hint="'asimov stop' stops it",
            )
        if problem := chosen.problem(workspace):
            raise AsimovError(
                f"{chosen.name} can't keep the monitor running here: {problem}",
                hint="'asimov start --how' recommends another way",
            )
        return chosen.start(workspace, write_launcher(workspace.project), interval)


def _alone(workspace: Workspace, purpose: str) -> AbstractContextManager[None]:
    return locked(workspace.project.state / "service.lock", purpose, wait=False)


class Stopped(NamedTuple):
    """A monitor that was in the background.

    Attributes
    ----------
    what
        What ran it.
    ran
        Whether it ran until now; it may have been killed before.
    """

    what: str
    ran: bool


def stop(workspace: Workspace) -> Stopped:
    """Stop the monitor in the background; return what it was.

    Raises
    ------
    AsimovError
        If it was not started, or runs on another machine.
    SchedulerUnreachableError
        If this can't be found out.
    """
    with _alone(workspace, "asimov stop"):
        job.settle(workspace)
        known = kept(workspace)
        if known is None:
            raise AsimovError(
                "the monitor is not running in the background", hint="'asimov start' starts it"
            )
        if known.elsewhere:
            raise AsimovError(
                f"the monitor is running on another machine, {known.how}",
                hint=f"run 'asimov stop' on {known.elsewhere}",
            )
        keeps = keeper(known.keeper)
        ran = not keeps.gone(known)
        keeps.stop(workspace, known)
        return Stopped(known.what, ran)
