"""Start and stop the background monitor, which runs as a service of the project's scheduler.

As with analyses, the intent is recorded in the journal before the service is started, and the
service carries a tag: if a command is killed in between, the next one finds the service by its tag.
"""

from __future__ import annotations

import sys
import uuid
from contextlib import AbstractContextManager

from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.project.workspace import Workspace
from asimov.scheduler import Present, Scheduler, Tag, Ticket, Unknown
from asimov.system import clock
from asimov.system.files import locked

#: Journal properties: scheduler, place and job; the identity that the job carries; and for a start
#: that is under way, scheduler, place, identity and time, a line each.
_PROPERTY = "background monitor"
_IDENTITY = "background monitor identity"
_INTENDED = "background monitor intended"


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
        If it runs already, or another command is just starting or stopping it.
    SchedulerUnreachableError
        If this can't be found out.
    """
    with _alone(workspace, "asimov start"):
        _settle(workspace)
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
    scheduler, name = workspace.scheduler(), workspace.scheduler_name
    uid = uuid.uuid4().hex
    intent = (name, scheduler.place, uid, str(clock.now()))
    workspace.journal.set_property(_INTENDED, "\n".join(intent))
    # The tag of the contract alone, which is the job's own: HTCondor's would be in the
    # environment as well, and what the monitor starts would inherit it.
    with Scheduler.tagged(scheduler, Tag(workspace.project.id, "background monitor", uid)):
        job = scheduler.start_service(arguments, workspace.project.logs / "monitor.log")
    _record(workspace, name, scheduler.place, job, uid)
    return job


def _record(workspace: Workspace, name: str, place: str, job: int | None, uid: str) -> None:
    with workspace.journal.durably():
        if job is not None:
            workspace.journal.set_property(_PROPERTY, f"{name} {place} {job}")
            workspace.journal.set_property(_IDENTITY, uid)
        workspace.journal.set_property(_INTENDED, None)


def _settle(workspace: Workspace) -> None:
    """Find out whether a start that was interrupted has started the service."""
    intent = workspace.journal.get_property(_INTENDED)
    if intent is None:
        return
    name, place, uid, since = intent.split("\n")
    answer = workspace.scheduler(name, place).observe([Ticket(uid, None, float(since))])[uid]
    if isinstance(answer, Unknown):
        raise SchedulerUnreachableError(
            f"whether the monitor runs in the background is not known: {answer.reason}"
        )
    _record(workspace, name, place, answer.job_id if isinstance(answer, Present) else None, uid)


def running(workspace: Workspace) -> int | None:
    """Return the job of the background monitor; None unless it was started and not stopped."""
    kept = workspace.journal.get_property(_PROPERTY)
    return int(kept.rpartition(" ")[2]) if kept else None


def stop(workspace: Workspace) -> int:
    """Stop the background monitor; return its job.

    Raises
    ------
    AsimovError
        If it was not started.
    SchedulerUnreachableError
        If this can't be found out.
    """
    with _alone(workspace, "asimov stop"):
        _settle(workspace)
        kept = workspace.journal.get_property(_PROPERTY)
        if kept is None:
            raise AsimovError(
                "the monitor does not run in the background", hint="'asimov start' starts it"
            )
        where, _, job = kept.rpartition(" ")
        name, _, place = where.partition(" ")
        uid = workspace.journal.get_property(_IDENTITY)  # an older asimov did not keep it
        workspace.scheduler(name, place).remove(int(job), "asimov stop", uid=uid)
        workspace.journal.set_property(_PROPERTY, None)
        return int(job)
