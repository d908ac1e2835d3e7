"""What event logs alone say about jobs, and what of it is new."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from asimov.scheduler.htcondor.cluster_state import Ending
from asimov.scheduler.htcondor.job_ads import ending_reason
from asimov.scheduler.htcondor.log_follower import LogEvidence, LogFollower
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.languages.dag_outputs import DAGMAN_LOG, read_metrics
from asimov.scheduler.observations import Gone, Observation, Present, Progress


def news(log_follower: LogFollower, tickets: Sequence[Ticket]) -> dict[str, Observation]:
    """Return what event logs say that was not reported before, by `Ticket.uid`; ask no schedd.

    A job has ended only where all its processes have, and their number is known. The first time a
    job is asked about, only its end is news.

    Parameters
    ----------
    log_follower
        The logs, and what was reported before.
    tickets
        The jobs.
    """
    new: dict[str, Observation] = {}
    evidence = log_follower.look(tickets)
    for ticket in tickets:
        answer = by_log(ticket, evidence[ticket.uid])
        before = log_follower.by_log.get(ticket.uid)
        reported = log_follower.reported.get(ticket.uid)
        if answer is None or (before is not None and _adds_nothing(answer, before)):
            continue
        log_follower.by_log[ticket.uid] = answer
        if before is None and not isinstance(answer, Gone):
            continue
        if reported is not None and _adds_nothing(answer, reported):
            continue
        if isinstance(answer, Present) and isinstance(reported, Present) and _runs_dag(ticket):
            # DAGMan's log says nothing about the nodes: what was known of them stays.
            answer = structs.replace(
                answer, progress=reported.progress, held=answer.held or reported.held
            )
        new[ticket.uid] = log_follower.reported[ticket.uid] = answer
    return new


def by_log(ticket: Ticket, evidence: LogEvidence) -> Present | Gone | None:
    """Return what its logs alone say about a job, where they are conclusive."""
    if evidence.cluster is None or evidence.state is None:
        return None
    end = evidence.state.ending()
    if end is None:
        there = evidence.state.present(evidence.cluster)
        # DAGMan itself may begin long before its first node does.
        return structs.replace(there, started=None) if there and _runs_dag(ticket) else there
    return gone_by_log(ticket, evidence.cluster, end) if evidence.state.sure else None


def gone_by_log(ticket: Ticket, cluster: int, end: Ending) -> Gone:
    """Return the observation for a cluster whose logs show how it ended."""
    progress = _dag_progress(ticket, cluster)
    if progress is None and end.progress.total > 1:
        progress = end.progress
    return Gone(
        job_id=cluster,
        exit_code=end.exit_code,
        evidence="event log",
        ended_at=end.ended_at,
        signal=end.signal,
        removed=end.removed,
        reason=ending_reason(end.reason, progress),
        progress=progress,
        started_at=end.started_at,
    )


def _adds_nothing(answer: Present | Gone, other: Observation) -> bool:
    """Return whether an answer by a log says nothing beyond another answer."""
    if isinstance(answer, Gone) or not isinstance(other, Present):
        return isinstance(answer, Gone) and isinstance(other, Gone)
    progress = answer.progress is None or answer.progress == other.progress
    return progress and (answer.state, answer.code) == (other.state, other.code)


def _dagman_logs(ticket: Ticket) -> list[str]:
    return [log for log in ticket.logs if log.endswith(DAGMAN_LOG)]


def _runs_dag(ticket: Ticket) -> bool:
    return bool(_dagman_logs(ticket))


def _dag_progress(ticket: Ticket, cluster: int) -> Progress | None:
    found = (read_metrics(log, cluster) for log in _dagman_logs(ticket))
    return next((progress for progress in found if progress is not None), None)
