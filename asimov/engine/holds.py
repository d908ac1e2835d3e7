"""Release held jobs, or raise their requests first, as the analysis's hold policy says.

Each try is counted on disk before it is made, so that tries that never help end whatever crashes.
An unreachable scheduler costs no try.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import msgspec

from asimov.engine.attempts import ask
from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.journal.hold_attempts import Remedies
from asimov.journal.records import Attempt
from asimov.ledger import hold_policy
from asimov.project.workspace import Workspace
from asimov.scheduler.contract import Scheduler
from asimov.scheduler.hold_reasons import classify
from asimov.scheduler.observations import Held, JobState, Present
from asimov.system import clock

#: How long a release may take to show, in seconds; until then the same hold is left alone.
SETTLING = 30.0
#: How often a pause is doubled at most.
_DOUBLINGS = 20


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a look at the held processes of a job.

    Attributes
    ----------
    detail
        A line for `status`.
    stuck
        Why a person is needed; None if nobody is.
    """

    detail: str
    stuck: str | None = None


class _Step(msgspec.Struct, frozen=True):
    """What to do about one held process, or why nothing can be done (`problem`)."""

    held: Held
    process: str
    kind: str
    asked_mb: float | None = None
    number: int = 0
    of: int = 0
    due: float = 0.0
    to_mb: int | None = None
    problem: str | None = None

    @property
    def why(self) -> str:
        """The class of the hold, and its codes."""
        codes = [self.kind]
        if self.held.code is not None:
            codes.append(f"code {self.held.code}")
        if self.held.subcode:
            codes.append(f"subcode {self.held.subcode}")
        return ", ".join(codes)

    @property
    def act(self) -> str:
        """What was done, for the report."""
        count = f", {self.number} of {self.of}"
        if self.to_mb is None:
            return f"released{count}"
        size = hold_policy.size_text(self.to_mb)
        return f"{self.kind} raised to {size} and released{count}"


def tend(
    workspace: Workspace,
    attempt: Attempt,
    answer: Present,
    report: Callable[[str], None],
    *,
    dry_run: bool = False,
) -> Outcome | None:
    """Do what is due about the held processes of a job.

    Parameters
    ----------
    workspace
        The open project.
    attempt
        The attempt that the job belongs to.
    answer
        What the scheduler says about the job.
    report
        Takes a line for each action.
    dry_run
        Whether to report what would be done, and do nothing.

    Returns
    -------
    Outcome or None
        None if nothing is held.

    Raises
    ------
    AsimovError
        If the settings ``holds``, as a pipeline has written them, are invalid.
    """
    held = answer.held
    if not held and answer.state is JobState.HELD:
        held = (Held(answer.job_id, code=answer.code, reason=answer.reason),)
    if not held:
        return None
    tending = _Tending(workspace, attempt, report, dry_run)
    clusters: dict[int, list[_Step]] = {}
    for each in held:
        clusters.setdefault(each.job_id, []).append(tending.plan(each))
    outcomes = [tending.tend(job_id, steps) for job_id, steps in clusters.items()]
    more = f" (and {len(outcomes) - 1} more held)" if len(outcomes) > 1 else ""
    worst = next((each for each in outcomes if each.stuck), outcomes[0])
    return Outcome(worst.detail + more, worst.stuck + more if worst.stuck else None)


class _Tending:
    """Looks after the held processes of one attempt's job."""

    def __init__(
        self, workspace: Workspace, attempt: Attempt, report: Callable[[str], None], dry_run: bool
    ) -> None:
        self.workspace = workspace
        self.attempt = attempt
        self.report = report
        self.dry_run = dry_run
        self.now = clock.now()
        self.policy = hold_policy.read(workspace.effective(attempt.key).get("holds"))
        self.remedies = Remedies(workspace.journal, attempt.uid)

    # --- planning

    def plan(self, held: Held) -> _Step:
        """Decide what to do about a held process."""
        # A node that is retried has another cluster id, and is the same work.
        process = f"{held.node or held.job_id}.{held.process}"
        kind = classify(held.code, held.subcode, held.reason)
        remedy = self.policy[kind]
        if remedy.action == "stuck" or not remedy.times:
            return _Step(held, process, kind, problem="")
        done = self.remedies.times(process, kind)
        if done >= remedy.times:
            what = "released" if remedy.action == "release" else "raised and released"
            return _Step(held, process, kind, problem=f"it was already {what} {done} times")
        asked, to_mb = None, None
        if remedy.action == "raise":
            asked, to_mb, problem = self._raised(held, process, kind, remedy)
            if problem:
                return _Step(held, process, kind, problem=problem)
        due = self._due(held, process, remedy.pause * 2 ** min(done, _DOUBLINGS))
        return _Step(held, process, kind, asked, done + 1, remedy.times, due, to_mb)

    def _due(self, held: Held, process: str, pause: float) -> float:
        record = self.workspace.records.get(self.attempt.key)
        since = held.since or (record.job_since if record else None) or self.now
        last = self.remedies.last(process)
        if last and (held.since is None or last >= held.since):
            # This hold was handled already: the release is on its way, or was interrupted.
            return last + max(pause, SETTLING)
        return since + pause

    def _raised(
        self, held: Held, process: str, kind: str, remedy: hold_policy.Remedy
    ) -> tuple[float | None, int | None, str | None]:
        """Return the present and the raised request, in MB, or why the request can't be raised."""
        asked, used = _request(held, kind)
        if asked is None:
            # The event log may lack the request; the queue has it.
            asked, used = _request(self._in_queue.get((held.job_id, held.process), held), kind)
        most = max(asked or 0.0, used or 0.0)
        if not most:
            return None, None, "what it requested is unknown"
        first = self.remedies.first_request(process, kind, asked or most)
        cap = remedy.up_to if remedy.up_to is not None else 4 * first
        to_mb = math.ceil(min(cap, most * remedy.factor))
        if asked and to_mb <= asked:
            return asked, None, f"it already requested {hold_policy.size_text(asked)}, the limit"
        return asked or most, to_mb, None

    @cached_property
    def _in_queue(self) -> dict[tuple[int, int], Held]:
        """What the queue says about the held processes of the job, asked once."""
        answer = ask(self.workspace, [self.attempt])[self.attempt.uid]
        held = answer.held if isinstance(answer, Present) else ()
        return {(each.job_id, each.process): each for each in held}

    # --- acting

    def tend(self, job_id: int, steps: list[_Step]) -> Outcome:
        """Handle one cluster: a scheduler releases all its processes at once."""
        problem = next((step for step in steps if step.problem is not None), None)
        if problem is not None:
            return self._left(problem, problem.problem or "")
        step = max(steps, key=lambda each: each.due)
        if step.due > self.now:
            # The request is raised when the release is due, and not before.
            act = f"released again in {clock.age(step.due - self.now)}, {step.number} of {step.of}"
            return Outcome(f"{_whose(step.held)}held ({step.why}): {act}")
        step = max(steps, key=lambda each: each.to_mb or 0)
        done = f"{self._who(steps)} held: {_reason(step.held)} ({step.why})"
        name = str(self.attempt.key)
        if self.dry_run:
            self.report(f"{name}: {done}; would follow: {step.act}")
            return Outcome(f"{_whose(step.held)}held ({step.why})")
        tried = [(each.process, each.kind, each.asked_mb) for each in steps]
        scheduler = self.workspace.scheduler(self.attempt.scheduler, self.attempt.place)
        self.remedies.count(tried)
        try:
            _release(scheduler, job_id, steps)
        except SchedulerUnreachableError as error:
            self.remedies.take_back(tried)
            return Outcome(f"{_whose(step.held)}held ({step.why}): can't be released now: {error}")
        except SchedulerError as error:
            return self._left(step, f"the scheduler refused: {error}")
        kind = "released" if step.to_mb is None else "raised"
        self.workspace.journal.note(self.attempt.key, "monitor", kind, f"{done}: {step.act}")
        self.report(f"{name}: {done}: {step.act}")
        return Outcome(f"{_whose(step.held)}held ({step.why}): {step.act}")

    def _who(self, steps: list[_Step]) -> str:
        held = steps[0].held
        what = f"node {held.node} (job {held.job_id})" if held.node else f"job {held.job_id}"
        return f"{len(steps)} processes of {what} were" if len(steps) > 1 else f"{what} was"

    def _left(self, step: _Step, problem: str) -> Outcome:
        """Leave the hold to a person."""
        held = step.held
        what = f"node {held.node}, job {held.job_id}," if held.node else f"job {held.job_id}"
        stuck = f"{what} is held: {_reason(held)} ({step.why})"
        if problem:
            stuck += f"; {problem}"
        with_tool = f" with 'condor_release {held.job_id}'"
        release = f"release it{with_tool if self.attempt.scheduler == 'htcondor' else ''}"
        subject, name = self.attempt.key
        restart = f"'asimov production set {subject}/{name} --status restart'"
        stuck += f"; {release}, or fix it and {restart}"
        return Outcome(f"{_whose(held)}held ({step.why}): {_reason(held)}", stuck)


def _release(scheduler: Scheduler, job_id: int, steps: list[_Step]) -> None:
    asked = {
        kind: max((step.to_mb or 0 for step in steps if step.kind == kind), default=0)
        for kind in hold_policy.RAISED
    }
    if any(asked.values()):
        scheduler.raise_requests(
            job_id,
            memory_mb=asked["memory"] or None,
            disk_kb=asked["disk"] * 1024 or None,
        )
    scheduler.release(job_id, "released by asimov")


def _request(held: Held, kind: str) -> tuple[float | None, float | None]:
    """Return what a process requested and what it used, in MB."""
    if kind == "memory":
        return held.memory_mb, held.memory_used_mb
    return _mb(held.disk_kb), _mb(held.disk_used_kb)


def _mb(kb: float | None) -> float | None:
    return None if kb is None else kb / 1024


def _reason(held: Held) -> str:
    return " ".join((held.reason or "no reason was given").split())


def _whose(held: Held) -> str:
    return f"node {held.node} " if held.node else ""
