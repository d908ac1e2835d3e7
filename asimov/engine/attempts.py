"""Submit one job: record the intent, call the pipeline, and recover intents left by a crash.

Every job that a pipeline submits, in whatever way, carries the attempt's identity. If a crash or an
error leaves an intent open, the scheduler is asked for that identity. Only when its queue, its logs
and its history have all answered that they do not know it is it certain that there was no job.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from asimov.discovery.entrypoints import PluginError
from asimov.engine.provenance.files import recover
from asimov.errors import (
    AsimovError,
    CredentialsError,
    ReportedError,
    SchedulerError,
    SchedulerUnreachableError,
)
from asimov.journal.keys import Key
from asimov.journal.leases import LeaseLostError
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.pipeline import Pipeline
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.plugins.methods import guarded, imported
from asimov.project.analysis import Analysis
from asimov.project.layout import Project
from asimov.project.workspace import Workspace, workspace_of
from asimov.scheduler import Gone, Observation, Present, Tag, Ticket, Unknown
from asimov.scheduler.languages.event_log import find_event_logs
from asimov.states import allowed
from asimov.system import clock

#: Why an attempt may still get a job although no source knows one.
MAY_COME = "a program that its pipeline started may still be submitting"
#: How long a program that submits may outlive asimov, in seconds.
SUBMITTING = 60

#: States in which a person wants the job removed.
LEAVING = {"stop", "restart", "cancelled"}

#: How many open intents are resolved in one write.
_TOGETHER = 100


class Submission(NamedTuple):
    """What a pipeline made of an attempt, by its own account.

    Attributes
    ----------
    attempt
        Still open: the caller records its outcome.
    job_id
        The job that was submitted; None if none was, as far as the pipeline says.
    asked
        The state in which the pipeline wants its analysis to be; None if it asked for none.
    error
        What the pipeline raised. A job may have been submitted all the same.
    """

    attempt: Attempt
    job_id: int | None
    asked: str | None
    error: AsimovError | None


def launch(
    analysis: Analysis,
    stage: str,
    act: Callable[[], Any],
    *,
    seed: int | None = None,
    before: Callable[[Attempt], object] = lambda _: None,
) -> Submission:
    """Record the intent to submit a job of an analysis, then call what submits it.

    Parameters
    ----------
    analysis
        The analysis.
    stage
        ``run`` or ``processing``.
    act
        Calls the pipeline.
    seed
        The seed that its jobs get, if any.
    before
        Takes the attempt once it is intended.
    """
    attempt = intend(analysis, stage, seed)
    before(attempt)
    return perform(analysis, attempt, act)


def intend(analysis: Analysis, stage: str, seed: int | None = None) -> Attempt:
    """Record, durably, that a job of an analysis is about to be submitted."""
    workspace = workspace_of(analysis)
    place = workspace.scheduler().place
    return workspace.journal.intend(
        analysis.key, uuid.uuid4().hex, stage, workspace.project.scheduler_name, place, seed
    )


def seed_of(analysis: Analysis) -> int | None:
    """Return the seed that jobs of an analysis get if they are built now; None if they get none."""
    seed, pipeline = analysis.meta.get("seed"), analysis.pipeline
    if isinstance(pipeline, NodePipeline):
        kind = type(pipeline)
        if kind.seed is NodePipeline.seed and isinstance(kind.uses_seed, bool):
            seed = pipeline.seed  # our own code, which needs no containment
        else:
            with guarded(analysis, "seed", passing=AsimovError):
                seed = pipeline.seed
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def perform(analysis: Analysis, attempt: Attempt, act: Callable[[], Any]) -> Submission:
    """Call what submits the job of an attempt that is recorded as intended; see `launch`.

    Raises
    ------
    LeaseLostError
        If another process has taken over. A job that was submitted meanwhile is removed if the
        other process has given the attempt up.
    """
    workspace, requests = workspace_of(analysis), analysis.requests
    error: AsimovError | None = None
    answer: Any = None
    try:
        workspace.journal.check_fence()
        requests.begin(analysis.meta)
        tag = Tag(workspace.project.id, str(analysis.key), attempt.uid)
        try:
            with workspace.scheduler().tagged(tag):
                answer = act()
        except AsimovError as raised:
            error = raised
        workspace.journal.check_fence()
    except LeaseLostError:
        disown(workspace, [attempt])
        raise
    return Submission(attempt, requests.take_job(answer), requests.take_status(), error)


def disown(workspace: Workspace, attempts: list[Attempt]) -> None:
    """Remove the jobs of attempts that another process gave up while this one was suspended.

    It looked for them before they were submitted, and has submitted the analyses itself by now.
    """
    void = [
        attempt
        for attempt in attempts
        for each in workspace.journal.attempts(attempt.key)
        if each.uid == attempt.uid and each.state == "void"
    ]
    answers = ask(workspace, void)
    for attempt in void:
        answer = answers[attempt.uid]
        if isinstance(answer, Present):
            scheduler = workspace.scheduler(attempt.scheduler, attempt.place)
            scheduler.remove(answer.job_id, "its attempt was given up: the lease was lost")


def ask(workspace: Workspace, attempts: list[Attempt]) -> dict[str, Observation]:
    """Ask about the jobs of some attempts, with one question to each scheduler.

    Each scheduler answers or fails on its own: if one is unreachable or no longer installed, all
    its answers are `Unknown`.
    """
    answers: dict[str, Observation] = {}
    tickets: dict[tuple[str, str], list[Ticket]] = {}
    for attempt in attempts:
        of_one = tickets.setdefault((attempt.scheduler, attempt.place), [])
        of_one.append(ticket(workspace.project, attempt))
    for (name, place), asked in tickets.items():
        try:
            answers.update(workspace.scheduler(name, place).observe(asked))
        except (PluginError, SchedulerUnreachableError) as error:
            unknown = Unknown(str(error), refused=isinstance(error, CredentialsError))
            answers.update({each.uid: unknown for each in asked})
    return answers


def refusal(answers: Iterable[Observation]) -> str | None:
    """Return the first answer by which a scheduler refused this user's credentials, or None."""
    refused = (each for each in answers if isinstance(each, Unknown) and each.refused)
    return next((each.reason for each in refused), None)


def ticket(project: Project, attempt: Attempt) -> Ticket:
    """Return what the scheduler needs to find an attempt's job."""
    logs = [str(project.path(log)) for log in (attempt.logs or "").splitlines()]
    if attempt.job_id is None:
        logs = find_event_logs(project.working / attempt.subject / attempt.name)
    return Ticket(attempt.uid, attempt.job_id, attempt.intended, tuple(logs))


def record_job(
    workspace: Workspace, attempt: Attempt, job_id: int, status: str, actor: str, reason: str
) -> None:
    """Record an attempt's job and the new state of its analysis in one write."""
    rundir = _rundir(workspace, attempt)
    logs = [workspace.project.stored(log) for log in find_event_logs(rundir)]
    with workspace.journal.durably():
        workspace.journal.submitted(attempt.uid, job_id, logs)
        if workspace.status(attempt.key) != status:
            workspace.move(attempt.key, status, actor, reason)
        else:
            workspace.journal.note(attempt.key, actor, "job", reason)
            if record := workspace.journal.record(attempt.key):
                workspace.records[attempt.key] = record


def _rundir(workspace: Workspace, attempt: Attempt) -> Path:
    if attempt.key in workspace.contents.entries:
        return Path(workspace.analysis(attempt.key).rundir)
    return workspace.project.working / attempt.subject / attempt.name


def give_up(workspace: Workspace, attempt: Attempt, reason: str) -> None:
    """Record that no job was ever made for an attempt."""
    workspace.journal.ended(attempt.uid, "void", evidence="none", reason=reason)


def found(workspace: Workspace, attempt: Attempt, answer: Observation | None = None) -> int | None:
    """Return the job that carries an attempt's tag; if there is none, give the attempt up.

    Parameters
    ----------
    workspace
        The open project.
    attempt
        The attempt.
    answer
        The scheduler's answer; None to ask it now.

    Raises
    ------
    SchedulerUnreachableError
        If this can't be found out now. The attempt stays open for `resolve_intents`.
    """
    if answer is None:
        answer = ask(workspace, [attempt])[attempt.uid]
    if isinstance(answer, Present) and answer.lacks_input:
        try:
            _remove_unspooled(workspace, attempt, answer)
        except SchedulerError as error:
            raise SchedulerUnreachableError(
                f"job {answer.job_id} still has to be removed: {error}"
            ) from error
        return None
    if isinstance(answer, (Present, Gone)):
        return answer.job_id
    if isinstance(answer, Unknown):
        raise SchedulerUnreachableError(
            f"it is not known whether it was submitted: {answer.reason}"
        )
    give_up(workspace, attempt, "nothing was submitted")
    return None


def _remove_unspooled(workspace: Workspace, attempt: Attempt, answer: Present) -> str:
    """Remove a job whose submission was cut short before its input was handed over.

    Raises
    ------
    SchedulerError
        If it can't be removed now. The attempt stays open.
    """
    reason = f"job {answer.job_id} was removed: its input was not handed over"
    scheduler = workspace.scheduler(attempt.scheduler, attempt.place)
    scheduler.remove(answer.job_id, "its input was not handed over", uid=attempt.uid)
    workspace.journal.ended(attempt.uid, "ended", evidence="removal", reason=reason)
    return reason


def resolve_intents(workspace: Workspace, report: Callable[[str], None]) -> dict[Key, str]:
    """Find out whether open intents became jobs, with one question to each scheduler.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each intent.

    Returns
    -------
    dict
        The analyses for which this is still unknown, and why. Nothing may be submitted for them.
    """
    attempts = workspace.journal.open_attempts()
    intended = [each for each in attempts if each.state == "intended"]
    if not intended:
        return {}
    earlier = {each.key: each for each in attempts if each.state == "submitted"}
    answers = ask(workspace, intended)
    if reason := refusal(answers.values()):
        return {each.key: reason for each in intended}  # one line of the pass says so
    unresolved: dict[Key, str] = {}
    for start in range(0, len(intended), _TOGETHER):
        lines = []
        with workspace.journal.durably():
            for attempt in intended[start : start + _TOGETHER]:
                resolved, outcome = _resolve(
                    workspace, attempt, answers[attempt.uid], earlier.get(attempt.key)
                )
                if not resolved:
                    unresolved[attempt.key] = outcome
                    outcome = f"it is not known whether it was submitted: {outcome}"
                lines.append(f"{attempt.key}: {outcome}")
        for line in lines:
            report(line)
    return unresolved


def _resolve(
    workspace: Workspace, attempt: Attempt, answer: Observation, earlier: Attempt | None
) -> tuple[bool, str]:
    """Record the outcome of an intent; return whether it is known, and a line about it."""
    if isinstance(answer, Present) and answer.lacks_input:
        try:
            return True, _remove_unspooled(workspace, attempt, answer)
        except SchedulerError as error:
            return False, str(error)
    if isinstance(answer, (Present, Gone)):
        before = workspace.status(attempt.key)
        status = "running" if attempt.stage == "run" else "processing"
        actor = "submit" if before == "ready" else "monitor"
        if not allowed(before, status, actor):  # such as if it is to stop
            status = before
        reason = f"job {answer.job_id} was found by its tag"
        if earlier is not None:
            # The attempt whose end caused this one.
            how = "complete" if attempt.stage == "processing" else "submitted again"
            workspace.journal.ended(earlier.uid, "ended", evidence="a later attempt", reason=how)
        record_job(workspace, attempt, answer.job_id, status, actor, reason)
        if attempt.stage == "run":
            recover(ProvenanceRecords(workspace.journal), attempt.uid, _rundir(workspace, attempt))
        return True, reason
    if isinstance(answer, Unknown):
        return False, answer.reason
    if _may_still_come(workspace, attempt):
        return False, MAY_COME
    give_up(workspace, attempt, f"{' and '.join(answer.asked)} do not know it")
    return True, "the interrupted attempt made no job"


def _may_still_come(workspace: Workspace, attempt: Attempt) -> bool:
    """Return whether a job may still turn up that no source knows yet.

    A pipeline that submits in its own way starts a program such as ``condor_submit_dag``, which
    runs on for a moment if only asimov was killed.
    """
    if attempt.key not in workspace.contents.entries:
        return False
    young = clock.now() - attempt.intended <= SUBMITTING
    return young and submits_by_program(workspace, attempt.key)


def submits_by_program(workspace: Workspace, key: Key) -> bool:
    """Return whether an analysis's pipeline may start a program that submits its job."""
    try:
        kind = imported(workspace.contents.entries[key].pipeline, workspace)
    except ReportedError:  # its package is not installed
        return True
    by_program = getattr(kind, "submits_by_program", None)
    if by_program is None:
        return getattr(kind, "submit_dag", None) is not Pipeline.submit_dag
    return bool(by_program)
