"""Why a job is not over, in a line for people."""

from __future__ import annotations

from asimov.errors import ReportedError
from asimov.scheduler import Held, JobState, NotFound, Observation, Present, Scheduler, Unknown
from asimov.scheduler.hold_reasons import classify


def on_hold(answer: Observation) -> str:
    """Say why a job is on hold; empty where it isn't, and where the hold may pass by itself.

    Parameters
    ----------
    answer
        What the scheduler says of the job, or of the DAG some of whose nodes are on hold.
    """
    if not isinstance(answer, Present):
        return ""
    held = answer.held
    if not held and answer.state is JobState.HELD:
        held = (Held(answer.job_id, code=answer.code, reason=answer.reason),)
    lasting = [each for each in held if not _passes(each)]
    if not lasting:
        return ""
    first = lasting[0]
    what = f"node {first.node} of its job" if first.node else "its job"
    code = "" if first.code is None else f" (code {first.code})"
    more = f", and {len(lasting) - 1} more" if len(lasting) > 1 else ""
    return f"{what} {answer.job_id} is on hold{code}{more}: {first.reason or 'no reason is given'}"


def _passes(held: Held) -> bool:
    spooled = held.code == 16  # its input is on its way, and then it is released
    return spooled or classify(held.code, held.subcode, held.reason) == "transient"


def not_over(answer: Observation, patience: float, scheduler: Scheduler) -> str:
    """Say why a job is not over when patience is at an end.

    Parameters
    ----------
    answer
        What the scheduler says of it.
    patience
        How long it was waited for, in seconds.
    scheduler
        Is asked for more.
    """
    if hold := on_hold(answer):
        return hold
    if isinstance(answer, NotFound):
        return f"its job is known to nobody any more (asked: {', '.join(answer.asked)})"
    if isinstance(answer, Unknown):
        return f"it can't be told what became of its job: {answer.reason}"
    if not isinstance(answer, Present):
        return "its job is over"
    told = f"its job {answer.job_id} is still {answer.state.value} after {patience:g} s"
    told += f": {answer.progress} nodes are done" if answer.progress else ""
    try:
        lines = scheduler.explain(answer.job_id)
    except ReportedError:
        lines = []
    return "; ".join([told, *([answer.reason] if answer.reason else []), *lines[:3]])
