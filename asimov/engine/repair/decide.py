"""What a lost record of an analysis comes to, by what there is to tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from asimov.engine.repair.evidence import Job
from asimov.journal.records import Attempt, Record
from asimov.scheduler import Gone, NotFound, Present
from asimov.states import STATES

#: The reason of an analysis that is kept back until somebody has looked.
UNTRACED = "the journal was lost, and there is no trace of it"

#: How far the clocks of a scheduler and of this machine may be apart, in seconds.
_CLOCKS = 60.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The state of an analysis in the new journal.

    Attributes
    ----------
    status, reason
        What it is in, and why.
    before
        What the old journal said; None where it said nothing.
    doubtful
        Whether a person should look.
    open
        The attempt whose end is still to be judged, by its identity.
    stage
        Of that attempt.
    """

    status: str
    reason: str
    before: str | None = None
    doubtful: bool = False
    open: str | None = None
    stage: str = "run"


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known of one analysis.

    Attributes
    ----------
    record, attempts
        What the old journal says of it.
    last_state
        The state to which its last event in the old journal led; None where there is none.
    jobs
        Those of which the old journal has no attempt, the oldest first.
    stored, begun
        Whether its results are stored, and whether there is anything in its run directory.
    first
        The state that the ledger has it begin in.
    processes
        Whether its pipeline may submit a second job, for post-processing.
    asked
        Whether the scheduler could be asked.
    unrecorded
        Whether records of analyses are missing: otherwise one without a record is just new.
    forgotten
        Whether attempts are missing, or states are of an earlier time.
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
    """Return the state of an analysis; None where it stays as the old journal has it.

    Parameters
    ----------
    trace
        What is known of it.
    ready
        Whether one without a trace is made ready.
    """
    if trace.jobs and _is_news(trace, trace.jobs[-1]):
        return _of_job(trace, trace.jobs[-1])
    if trace.record is not None:
        return _of_record(trace, trace.record)
    return _of_traces(trace, ready=ready)


def _is_news(trace: Trace, job: Job) -> bool:
    """Say whether the old journal does not know better what came of a job."""
    # Logs and HTCondor tell whole seconds.
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
        reason = "a log tells of a job of it, and nobody knows what became of that"
        return Decision("stuck", reason, before, doubtful=True)
    if its_own and before in {"stop", "restart", "cancelled", "stuck"}:
        reason = f"{name} is found again by its tag"
        return Decision(str(before), reason, before, open=job.uid)
    stage = "processing" if its_own and before == "processing" else "run"
    earlier = len(trace.jobs) + len(trace.attempts) > 1
    if trace.processes and earlier and not (its_own and before in {"running", "processing"}):
        reason = f"nothing tells whether {name} is its run or its post-processing"
        return Decision("stuck", reason, before, doubtful=True)
    where = "was found in the scheduler"
    if isinstance(job.answer, Gone):
        where = "has ended, and the next monitor pass judges how"
    elif not isinstance(job.answer, Present):
        where = "is told of by its log; the scheduler could not be asked"
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
    # Of one that is to go no job is left: the next monitor pass says so.
    if active and not (status in {"stop", "restart"} and trace.asked):
        reason = f"it was {status}, and nothing tells what became of its job"
        return Decision("stuck", reason, status, doubtful=True)
    if status == "ready" and trace.begun and trace.forgotten and not trace.attempts:
        reason = "the journal was damaged; it was begun, and nothing tells what became of it"
        return Decision("stuck", reason, status, doubtful=True)
    return None


def _of_open(attempt: Attempt, status: str) -> Decision | None:
    """Decide where an attempt is open and its analysis is in a state that has no job."""
    if attempt.state == "intended":
        return None  # the next command finds out whether there is a job
    # The two were written together: one of them is of another time.
    if status != "ready":
        return Decision(status, f"job {attempt.job_id} is of another time than its state", status)
    reason = f"job {attempt.job_id} was submitted"
    return Decision("running", reason, status, doubtful=True, open=attempt.uid)


def _of_traces(trace: Trace, *, ready: bool) -> Decision | None:
    told = trace.last_state
    left = told is not None and told != "ready" and not STATES[told].active
    decision: Decision | None = None
    if trace.open is not None:
        submitted = trace.open.state == "submitted"
        going = "running" if trace.open.stage == "run" else "processing"
        reason = "its last attempt is still to be judged"
        decision = Decision(going if submitted else "ready", reason, open=trace.open.uid)
    elif trace.stored:
        decision = Decision("uploaded", "its results are in the store")
    elif told is not None and left:
        decision = Decision(told, "its last event says so")
    elif trace.begun or told not in {None, "ready"}:
        reason = "the journal was lost; nothing tells what became of it"
        decision = Decision("stuck", reason, doubtful=True)
    elif trace.unrecorded and (trace.first != "ready" or ready):
        decision = Decision(trace.first, UNTRACED)
    elif trace.unrecorded:
        decision = Decision("wait", UNTRACED, doubtful=True)
    return decision
