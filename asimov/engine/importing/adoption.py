"""Adopt the running jobs of an imported project: by cluster id, verified by run directory.

A number alone says nothing: a reinstalled schedd counts from 1 again, and other people's jobs have
numbers too. A job is adopted only if HTCondor says that it runs in the analysis's run directory, or
writes its event log there, and it carries no tag of another project.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asimov.engine.importing.incoming import Arrival
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.project.layout import Project
from asimov.project.workspace import Workspace
from asimov.scheduler import Scheduler
from asimov.scheduler.jobs import Whereabouts
from asimov.scheduler.languages.event_log import find_event_logs

#: The only scheduler whose numbers outlive the program that used them.
_SCHEDULER = "htcondor"


@dataclass(frozen=True)
class Adopted:
    """A job that is an analysis's own.

    Attributes
    ----------
    place
        Which of several schedds has it.
    """

    key: Key
    job: Whereabouts
    place: str


def adopt(
    workspace: Workspace, arrivals: Mapping[Key, Arrival], *, without_scheduler: bool
) -> list[Adopted]:
    """Find the jobs of arriving analyses, and settle the state of those that have none.

    Parameters
    ----------
    workspace
        The open project that they arrive in.
    arrivals
        The analyses. The state and the reason of one that had a job are changed.
    without_scheduler
        Whether to go on if HTCondor can't be asked: then nothing is adopted.

    Raises
    ------
    SchedulerUnreachableError
        If HTCondor can't be asked, and must be.
    """
    wanted = {key: each.job for key, each in arrivals.items() if each.job is not None}
    found: Mapping[int, Whereabouts] = {}
    asked, place = True, ""
    if wanted:
        try:
            scheduler: Scheduler = workspace.scheduler(_SCHEDULER)
            found = scheduler.whereabouts(sorted(set(wanted.values())))
            place = scheduler.place
        except AsimovError as error:
            if not without_scheduler:
                raise SchedulerUnreachableError(
                    f"can't ask HTCondor about the jobs of {len(wanted)} analyses: {error}",
                    hint="try again when HTCondor responds, or use --without-scheduler, which sets "
                    "these analyses to 'stuck'",
                ) from error
            asked = False
    adopted = []
    for key, arrival in arrivals.items():
        job = found.get(arrival.job) if arrival.job is not None else None
        if job is not None and _is_of(job, arrival):
            adopted.append(Adopted(key, job, place))
            where = "is in the queue" if job.queued else "has ended, and the next pass decides how"
            arrival.reason += f"; its job {job.job_id} {where}"
        elif arrival.status in {"running", "processing", "stop"}:
            _orphan(arrival, job, asked=asked)
    return adopted


def _is_of(job: Whereabouts, arrival: Arrival) -> bool:
    """Return whether a job runs in an analysis's run directory, and belongs to no project here."""
    if job.tagged or arrival.rundir is None:
        return False
    rundir = arrival.rundir.resolve()
    return any(Path(each).resolve().is_relative_to(rundir) for each in job.folders)


def _orphan(arrival: Arrival, job: Whereabouts | None, *, asked: bool) -> None:
    """Settle the state of an analysis whose job can't be followed."""
    if arrival.job is None:
        why = "it has no job that can be followed here"
    elif not asked:
        why = f"HTCondor could not be asked about its job {arrival.job}"
    elif job is None:
        why = f"HTCondor no longer knows its job {arrival.job}"
    elif job.tagged:
        why = f"job {arrival.job} belongs to another project"
    else:
        why = f"job {arrival.job} runs in another folder, so it does not belong to it"
    before = arrival.status
    arrival.status = "stopped" if before == "stop" and asked else "stuck"
    arrival.reason += (
        f"; {why}. Check its run directory, then 'asimov production set ... --status "
        "finished' or 'restart'"
    )


def record(project: Project, journal: Journal, each: Adopted, status: str) -> None:
    """Record the attempt of an adopted job; its analysis is in the journal already.

    Parameters
    ----------
    project, journal
        The project, and its open journal.
    each
        The job.
    status
        The state of its analysis.
    """
    job = each.job
    logs = dict.fromkeys(job.logs)
    for folder in job.folders:
        logs.update(dict.fromkeys(find_event_logs(Path(folder))))
    journal.adopt(
        Attempt(
            uuid.uuid4().hex,
            *each.key,
            number=1,
            stage="processing" if status == "processing" else "run",
            scheduler=_SCHEDULER,
            state="submitted",
            job_id=job.job_id,
            intended=job.since,
            submitted=job.since,
            logs="\n".join(project.stored(log) for log in logs),
            place=each.place,
        )
    )
