"""Infer an analysis's lost state from the surviving evidence."""

from __future__ import annotations

from dataclasses import dataclass

from asimov.engine.repair.evidence import Job
from asimov.journal.records import Attempt, Record
from asimov.scheduler import Gone, NotFound, Present
from asimov.states import STATES

#: The reason given for an analysis that waits until a person has looked.
UNTRACED = "the journal was lost, and nothing shows that it ever ran"

#: How far the clocks of a scheduler and this machine may differ, in seconds.
_CLOCKS = 60.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The state of an analysis in the new journal.

    Attributes
    ----------
    status, reason
        The state, and why.
    before
        The old journal's state; None if it has none.
    doubtful
        Whether a person should look.
    open
        The identity of the attempt whose end is still to be judged.
    stage
        The stage of that attempt.
    """

    status: str
    reason: str
    before: str | None = None
    doubtful: bool = False
    open: str | None = None
    stage: str = "run"


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything known about one analysis.

    Attributes
    ----------
    record, attempts
        What the old journal holds.
    last_state
        The state after its last event in the old journal; None if there is none.
    jobs
        Its jobs without an attempt in the old journal, the oldest first.
    stored, begun
        Whether its results are stored, and whether its run directory holds anything.
    first
        The state in which the ledger starts it.
    processes
        Whether its pipeline may submit a second job, for post-processing.
    asked
        Whether the scheduler could be reached.
    unrecorded
        Whether records are missing; if not, an analysis without a record is simply new.
    forgotten
        Whether attempts are missing, or states are out of date.
    """

    record: Record | None = None
    attempts: tuple[Attempt, ...] = ()
    last_state: str | None = None
    jobs: tuple[Job, ...] = ()
    stored: bool = False
    begun: bool = False
    first: str = "ready"
    processes: bool = False
    asked: bool = True
    unrecorded: bool = True
    forgotten: bool = True

    @property
    def open(self) -> Attempt | None:
        """The attempt of the old journal whose end is still to be judged."""
        left = [each for each in self.attempts if each.state in {"intended", "submitted"}]
        return left[-1] if left else None


def decide(trace: Trace, *, ready: bool = False) -> Decision | None:
    """Return the inferred state of an analysis; None to keep the old journal's.

    Parameters
    ----------
    trace
        What is known about it.
    ready
        Whether one without a trace is made ready.
    """
    if trace.jobs and _is_news(trace, trace.jobs[-1]):
        return _of_job(trace, trace.jobs[-1])
    if trace.record is not None:
        return _of_record(trace, trace.record)
    return _of_traces(trace, ready=ready)


def _is_news(trace: Trace, job: Job) -> bool:
    """Return whether a job shows more than the old journal knows."""
    # Logs and HTCondor give whole seconds.
    if any(attempt.intended > job.since + 1 for attempt in trace.attempts):
        return False
    record = trace.record
    if record is None or isinstance(job.answer, Present):
        return True
    if record.uid == job.uid or STATES[record.status].active:
        return STATES[record.status].active
    return job.since > record.since - _CLOCKS


def _of_job(trace: Trace, job: Job) -> Decision | None:
    record = trace.record
    before = record.status if record else None
    its_own = record is not None and record.uid == job.uid
    name = f"job {job.job_id}"
    if trace.stored and not isinstance(job.answer, Present):
        return Decision("uploaded", "its results are in the store", before)
    if isinstance(job.answer, NotFound) or job.job_id is None:
        reason = "a log mentions a job of it, and nothing shows how that job ended"
        return Decision("stuck", reason, before, doubtful=True)
    if its_own and before in {"stop", "restart", "cancelled", "stuck"}:
        reason = f"{name} was found by its tag"
        return Decision(str(before), reason, before, open=job.uid)
    stage = "processing" if its_own and before == "processing" else "run"
    earlier = len(trace.jobs) + len(trace.attempts) > 1
    if trace.processes and earlier and not (its_own and before in {"running", "processing"}):
        reason = f"nothing shows whether {name} is its run or its post-processing"
        return Decision("stuck", reason, before, doubtful=True)
    where = "was found in the scheduler"
    if isinstance(job.answer, Gone):
        where = "has ended, and the next monitor pass decides how"
    elif not isinstance(job.answer, Present):
        where = "was found in its log; the scheduler could not be reached"
    doubtful = record is not None and before not in {"ready", "running", "processing"}
    status = "running" if stage == "run" else "processing"
    return Decision(status, f"{name} {where}", before, doubtful, job.uid, stage)


def _of_record(trace: Trace, record: Record) -> Decision | None:
    status = record.status
    active = STATES[status].active
    if trace.open is not None:
        return None if active or status in {"stuck", "cancelled"} else _of_open(trace.open, status)
    if trace.stored and status in {"running", "processing", "ready"}:
        return Decision("uploaded", "its results are in the store", status)
    # An analysis that is to stop has no job left: the next monitor pass sees that.
    if active and not (status in {"stop", "restart"} and trace.asked):
        reason = f"it was {status}, and nothing shows what happened to its job"
        return Decision("stuck", reason, status, doubtful=True)
    if status == "ready" and trace.begun and trace.forgotten and not trace.attempts:
        reason = "the journal was damaged; it had started, and nothing shows what happened to it"
        return Decision("stuck", reason, status, doubtful=True)
    return None


def _of_open(attempt: Attempt, status: str) -> Decision | None:
    """Decide for an open attempt whose analysis is in a state without a job."""
    if attempt.state == "intended":
        return None  # the next command finds out whether there is a job
    # The two were written together, so one of them is out of date.
    if status != "ready":
        return Decision(status, f"job {attempt.job_id} does not fit its present state", status)
    reason = f"job {attempt.job_id} was submitted"
    return Decision("running", reason, status, doubtful=True, open=attempt.uid)


def _of_traces(trace: Trace, *, ready: bool) -> Decision | None:
    last = trace.last_state
    left = last is not None and last != "ready" and not STATES[last].active
    decision: Decision | None = None
    if trace.open is not None:
        submitted = trace.open.state == "submitted"
        going = "running" if trace.open.stage == "run" else "processing"
        reason = "the outcome of its last attempt is still open"
        decision = Decision(going if submitted else "ready", reason, open=trace.open.uid)
    elif trace.stored:
        decision = Decision("uploaded", "its results are in the store")
    elif last is not None and left:
        decision = Decision(last, "its last event says so")
    elif trace.begun or last not in {None, "ready"}:
        reason = "the journal was lost; nothing shows what happened to it"
        decision = Decision("stuck", reason, doubtful=True)
    elif trace.unrecorded and (trace.first != "ready" or ready):
        decision = Decision(trace.first, UNTRACED)
    elif trace.unrecorded:
        decision = Decision("wait", UNTRACED, doubtful=True)
    return decision
