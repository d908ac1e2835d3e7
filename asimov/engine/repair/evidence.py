"""Everything known about the project's jobs outside its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from asimov.discovery import entrypoints
from asimov.errors import AsimovError, ReportedError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.journal.salvage import Salvaged
from asimov.ledger.contents import Contents
from asimov.project.layout import Project
from asimov.project.storage.store import Store
from asimov.scheduler import Observation, Scheduler, Ticket, Unknown
from asimov.scheduler.languages.event_log import find_event_logs, read_events
from asimov.system import progress


@dataclass
class Job:
    """A job without an attempt in the readable part of the old journal.

    Attributes
    ----------
    uid
        The attempt's identity, which is in the job's tag.
    since
        When it was submitted, as far as known, in seconds since the epoch.
    job_id
        Its number; None if no source has it.
    answer
        The scheduler's answer; None if it was not asked.
    logs
        Its event logs, as absolute paths.
    """

    uid: str
    since: float
    job_id: int | None = None
    answer: Observation | None = None
    logs: tuple[str, ...] = ()


@dataclass
class Evidence:
    """What schedulers, event logs, run directories and the results store show.

    Attributes
    ----------
    asked
        Whether the scheduler answered.
    place
        Which of several schedulers of its kind it was.
    jobs
        The jobs by analysis, the oldest first.
    stored
        The analyses whose manifest in the results store is complete.
    begun
        The analyses whose run directory holds something.
    """

    asked: bool = True
    place: str = ""
    jobs: dict[Key, list[Job]] = field(default_factory=dict)
    stored: set[Key] = field(default_factory=set)
    begun: set[Key] = field(default_factory=set)


def gather(
    project: Project, contents: Contents, found: Salvaged, *, without_scheduler: bool
) -> Evidence:
    """Collect what is known about jobs that the old journal does not know.

    Parameters
    ----------
    project, contents
        The project and its ledger.
    found
        The readable part of the old journal.
    without_scheduler
        Whether to go on if the scheduler is unreachable.

    Raises
    ------
    SchedulerUnreachableError
        If it is unreachable, and must be asked.
    """
    evidence = Evidence()
    traces: dict[str, tuple[Key, Job]] = {}
    facts = {
        Key(row["subject"], row["name"]): msgspec.msgpack.decode(row["data"])
        for row in found.rows["facts"]
    }
    for row in found.rows["analyses"]:
        if row["uid"]:
            key = Key(row["subject"], row["name"])
            traces[row["uid"]] = key, Job(row["uid"], row["since"], row["job_id"])
    for key, entry in progress.over(list(contents.entries.items()), "looking"):
        own = contents.settings(entry, facts).get("rundir")
        rundir = project.path(str(own)) if own else project.working / key[0] / key[1]
        if _holds_something(rundir):
            evidence.begun.add(key)
            traces.update((job.uid, (key, job)) for job in logged_jobs(rundir))
        if _is_stored(Store(project.results), key):
            evidence.stored.add(key)
    known = {row["uid"] for row in found.rows["attempts"]}
    try:
        _ask(project, evidence, traces, known)
    except ReportedError as error:
        if not without_scheduler:
            raise SchedulerUnreachableError(
                f"the scheduler does not respond, so running jobs could be overlooked: {error}",
                hint="try again later, or use --without-scheduler, which sets analyses whose state "
                "is unclear to 'stuck'",
            ) from error
        evidence.asked = False
    for uid, (key, job) in sorted(traces.items(), key=lambda trace: trace[1][1].since):
        if uid not in known:
            evidence.jobs.setdefault(key, []).append(job)
    return evidence


def _ask(
    project: Project, evidence: Evidence, traces: dict[str, tuple[Key, Job]], known: set[str]
) -> None:
    """Ask the project's scheduler for its jobs, and for the fate of those that left a trace."""
    name = project.config.get("scheduler", "type", fallback="local").lower()
    kind: type[Scheduler] = entrypoints.load(entrypoints.SCHEDULERS, name)
    scheduler = kind.from_project(project.root, project.config)
    evidence.place = scheduler.place
    listed = scheduler.jobs_of_project()
    for each in listed or []:
        subject, _, analysis = each.tag.analysis.partition("/")
        key, logged = traces.get(each.tag.uid, (Key(subject, analysis), None))
        logs = logged.logs if logged else ()
        traces[each.tag.uid] = key, Job(each.tag.uid, each.since, each.job_id, logs=logs)
    asked = [job for uid, (_, job) in traces.items() if uid not in known]
    # By identity only: a queue that was also lost may number its jobs from 1 again.
    answers = scheduler.observe([Ticket(job.uid, None, job.since, job.logs) for job in asked])
    reasons = [answer.reason for answer in answers.values() if isinstance(answer, Unknown)]
    if listed is None and reasons and len(reasons) == len(answers):
        raise SchedulerUnreachableError(reasons[0])
    for job in asked:
        job.answer = answers[job.uid]
        job.job_id = getattr(job.answer, "job_id", job.job_id)


def logged_jobs(rundir: Path) -> list[Job]:
    """Return the jobs that the event logs in a run directory name.

    For a DAG this is the job that runs it: HTCondor names it in the events of each node, and the
    local queue numbers a DAG before its nodes.
    """
    jobs: dict[str, Job] = {}
    logs = tuple(find_event_logs(rundir))
    for log in logs:
        try:
            events, _ = read_events(log)
        except OSError:
            continue  # its jobs may be missing here: the scheduler is asked as well
        for event in events:
            uid = event.attributes.get("AsimovUID")
            if uid is None:
                continue
            number = int(event.attributes.get("DAGManJobId", event.cluster))
            job = jobs.setdefault(uid, Job(uid, event.time or 0.0, number, logs=logs))
            job.since = min(job.since, event.time or job.since)
            job.job_id = min(job.job_id or number, number)
    return list(jobs.values())


def _holds_something(rundir: Path) -> bool:
    try:
        with os.scandir(rundir) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _is_stored(store: Store, key: Key) -> bool:
    try:
        manifest = store.manifest(*key)
    except AsimovError:  # an unreadable manifest shows nothing
        return False
    return bool(manifest) and all(Path(store.root, *key, name).exists() for name in manifest)
