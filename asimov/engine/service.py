"""The monitor in the background: a service of the project's scheduler."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from asimov.errors import AsimovError
from asimov.files import locked
from asimov.workspace import Workspace

_PROPERTY = "background monitor"


def start(workspace: Workspace, interval: float | None) -> int:
    """Keep ``asimov monitor --watch --chain`` running; return the service's job.

    Parameters
    ----------
    workspace
        The open project.
    interval
        Seconds between passes; None for the scheduler's own.

    Raises
    ------
    AsimovError
        Where it runs already, or another command is just starting or stopping it.
    """
    with _alone(workspace, "asimov start"):
        known = running(workspace)
        if known is not None:
            raise AsimovError(
                f"the monitor runs in the background already, as job {known}",
                hint="'asimov stop' stops it",
            )
        return _start(workspace, interval)


def _alone(workspace: Workspace, purpose: str) -> AbstractContextManager[None]:
    return locked(workspace.project.state / "service.lock", purpose, wait=False)


def _start(workspace: Workspace, interval: float | None) -> int:
    root = workspace.project.root
    arguments = [sys.executable, "-m", "asimov", "--project", str(root), "monitor"]
    arguments += ["--watch", "--chain"]
    if interval is not None:
        arguments += ["--interval", str(interval)]
    scheduler = workspace.scheduler()
    # Untagged: what the monitor starts would inherit the tag.
    job = scheduler.start_service(arguments, workspace.project.logs / "monitor.log")
    workspace.journal.set_property(_PROPERTY, f"{workspace.scheduler_name} {job}")
    return job


def running(workspace: Workspace) -> int | None:
    """Return the job of the monitor in the background, if it was started and not stopped."""
    kept = workspace.journal.get_property(_PROPERTY)
    return int(kept.rpartition(" ")[2]) if kept else None


def stop(workspace: Workspace) -> int:
    """Stop the monitor in the background; return the job that it was.

    Raises
    ------
    AsimovError
        Where it was not started.
    """
    with _alone(workspace, "asimov stop"):
        kept = workspace.journal.get_property(_PROPERTY)
        if kept is None:
            raise AsimovError(
                "the monitor does not run in the background", hint="'asimov start' starts it"
            )
        name, _, job = kept.rpartition(" ")
        workspace.scheduler(name).remove(int(job), "asimov stop")
        workspace.journal.set_property(_PROPERTY, None)
        return int(job)
