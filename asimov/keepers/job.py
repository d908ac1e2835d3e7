"""Keep the monitor running as a job of the project's scheduler.

As with analyses, the intent is recorded in the journal before the job is submitted, and the job
carries a tag: if a command is killed in between, the next one finds the job by its tag.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from asimov.errors import SchedulerUnreachableError
from asimov.keepers.keeper import Keeper, Kept
from asimov.keepers.launcher import watch_command
from asimov.project.workspace import Workspace
from asimov.scheduler import Present, Scheduler, Tag, Ticket, Unknown
from asimov.scheduler.jobs import submit_commands
from asimov.scheduler.sites.check import normal
from asimov.system import clock

#: Journal properties: scheduler, place and job; the identity that the job carries; and for a start
#: that is under way, scheduler, place, identity and time, a line each.
_PROPERTY = "background monitor"
_IDENTITY = "background monitor identity"
_INTENDED = "background monitor intended"
#: The submit commands that say who is charged.
_ACCOUNTING = ("accounting_group", "accounting_group_user")


class Job(Keeper):
    """A job in HTCondor's local universe, or a service of the local scheduler."""

    name = "job"
    meaning = "a job in HTCondor's local universe"
    outlives = "a logout, a killed schedd and a reboot"
    #: The universe on HTCondor; None for the scheduler's own choice.
    universe: ClassVar[str | None] = None

    def described(self, workspace: Workspace) -> tuple[str, str]:
        """Return what it is and what it outlives; only HTCondor has universes."""
        if workspace.project.scheduler_name == "htcondor" or self.universe:
            return super().described(workspace)
        return (
            f"a process of the scheduler {workspace.project.scheduler_name} on this machine",
            "a logout",
        )

    def problem(self, workspace: Workspace) -> str | None:
        """Raise `SchedulerError` where the scheduler can't be reached."""
        workspace.scheduler().queued()
        return None

    def caution(self, workspace: Workspace) -> str | None:
        """Return that the schedd is on another machine, if it is."""
        if workspace.project.scheduler_name != "htcondor" or workspace.scheduler().is_local:
            return None
        return "it runs on the schedd's machine, which must have this folder and asimov as well"

    def start(self, workspace: Workspace, script: Path, interval: float | None) -> Kept:
        """Submit the job."""
        scheduler, name = workspace.scheduler(), workspace.project.scheduler_name
        uid = uuid.uuid4().hex
        intent = (name, scheduler.place, uid, str(clock.now()))
        workspace.journal.set_property(_INTENDED, "\n".join(intent))
        commands = _accounting(workspace)
        if self.universe is not None:
            commands["universe"] = self.universe
        # The tag of the contract alone, which is the job's own: HTCondor's would be in the
        # environment as well, and what the monitor starts would inherit it.
        with Scheduler.tagged(scheduler, Tag(workspace.project.id, "background monitor", uid)):
            number = scheduler.start_service(
                watch_command(script, interval), workspace.project.logs / "monitor.log", **commands
            )
        _record(workspace, name, scheduler.place, number, uid)
        return _kept(number)

    def stop(self, workspace: Workspace, kept: Kept) -> None:
        """Remove the job."""
        where, _, job = (workspace.journal.get_property(_PROPERTY) or "").rpartition(" ")
        name, _, place = where.partition(" ")
        uid = workspace.journal.get_property(_IDENTITY)  # an older asimov did not keep it
        workspace.scheduler(name, place).remove(int(job), "asimov stop", uid=uid)
        workspace.journal.set_property(_PROPERTY, None)


class SchedulerJob(Job):
    """A job in HTCondor's scheduler universe, for access points without the local one."""

    name = "scheduler-job"
    meaning = "a job in HTCondor's scheduler universe, which counts with DAGs"
    outlives = "a logout, a killed schedd and a reboot"
    universe = "scheduler"

    def problem(self, workspace: Workspace) -> str | None:
        """Return why it can't be used here: no HTCondor."""
        if workspace.project.scheduler_name != "htcondor":
            return f"the scheduler {workspace.project.scheduler_name} has no universes"
        return super().problem(workspace)


def _accounting(workspace: Workspace) -> dict[str, str]:
    """Return the project's accounting commands: some pools refuse jobs without them."""
    settings = workspace.contents.project.get("scheduler")
    if workspace.project.scheduler_name != "htcondor" or not isinstance(settings, Mapping):
        return {}
    given = normal(submit_commands({k: v for k, v in settings.items() if "account" in str(k)}))
    return {name: given[name] for name in _ACCOUNTING if name in given}


def running(workspace: Workspace) -> Kept | None:
    """Return the job of the monitor; None unless it was started and not stopped."""
    text = workspace.journal.get_property(_PROPERTY)
    return _kept(int(text.rpartition(" ")[2])) if text else None


def _kept(number: int) -> Kept:
    return Kept("job", f"job {number}", {"job": number})


def _record(workspace: Workspace, name: str, place: str, job: int | None, uid: str) -> None:
    with workspace.journal.durably():
        if job is not None:
            workspace.journal.set_property(_PROPERTY, f"{name} {place} {job}")
            workspace.journal.set_property(_IDENTITY, uid)
        workspace.journal.set_property(_INTENDED, None)


def settle(workspace: Workspace) -> None:
    """Find out whether a start that was interrupted has submitted the job.

    Raises
    ------
    SchedulerUnreachableError
        If this can't be found out.
    """
    intent = workspace.journal.get_property(_INTENDED)
    if intent is None:
        return
    name, place, uid, since = intent.split("\n")
    answer = workspace.scheduler(name, place).observe([Ticket(uid, None, float(since))])[uid]
    if isinstance(answer, Unknown):
        raise SchedulerUnreachableError(
            f"it is not known whether the monitor runs in the background: {answer.reason}"
        )
    _record(workspace, name, place, answer.job_id if isinstance(answer, Present) else None, uid)
