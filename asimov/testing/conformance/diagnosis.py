"""Explain in one line why a job has not finished."""

from __future__ import annotations

from asimov.errors import ReportedError
from asimov.scheduler import Held, JobState, NotFound, Observation, Present, Scheduler, Unknown
from asimov.scheduler.hold_reasons import classify


def on_hold(answer: Observation) -> str:
    """Explain why a job is on hold; empty if it is not, or if the hold may end by itself.

    Parameters
    ----------
    answer
        The scheduler's answer about the job, or about a DAG with nodes on hold.
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
    spooled = held.code == 16  # its input is being transferred; it is released afterwards
    return spooled or classify(held.code, held.subcode, held.reason) == "transient"


def not_over(answer: Observation, patience: float, scheduler: Scheduler) -> str:
    """Explain why a job has not finished in time.

    Parameters
    ----------
    answer
        The scheduler's answer about the job.
    patience
        How long the check waited, in seconds.
    scheduler
        The scheduler, for details.
    """
    if hold := on_hold(answer):
        return hold
    if isinstance(answer, NotFound):
        return f"its job has disappeared without a trace (searched: {', '.join(answer.asked)})"
    if isinstance(answer, Unknown):
        return f"the state of its job is unknown: {answer.reason}"
    if not isinstance(answer, Present):
        return "its job has finished"
    found = f"its job {answer.job_id} is still {answer.state.value} after {patience:g} s"
    found += f": {answer.progress} nodes are done" if answer.progress else ""
    try:
        lines = scheduler.explain(answer.job_id)
    except ReportedError:
        lines = []
    return "; ".join([found, *([answer.reason] if answer.reason else []), *lines[:3]])
