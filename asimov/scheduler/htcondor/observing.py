"""One pass over many jobs: the queue first, then event logs, then the history.

The order matters. HTCondor writes a job's ending into its event log and the history before the
job leaves the queue (measured: while 997 of 1,000 removed jobs were still in the queue 222 were
in the history, and none was missing there once it had left). So what the queue does not have,
and neither of the others asked afterwards, was never submitted.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from asimov.errors import SchedulerError
from asimov.scheduler.contract import (
    Gone,
    NotFound,
    Observation,
    Progress,
    Ticket,
    Unknown,
)
from asimov.scheduler.eventlog import Event, ending, read_events, tagged_clusters
from asimov.scheduler.htcondor import answers
from asimov.scheduler.htcondor.connection import Ad, Connection, quoted

T = TypeVar("T")
_TOP_LEVEL = "DAGManJobId =?= undefined"
#: Characters in one constraint. Measured: the schedd answers for the history with nothing at all,
#: and without an error, where a constraint has 10,686; with 7,986 it is right.
_LENGTH = 4000
#: Above so many jobs one look at all the project's history is faster than one at theirs.
_FEW = 100
#: How far the clocks of this machine and the schedd's may be apart, in seconds.
_CLOCKS = 3600
#: When a history that lacks some of a cluster's processes is taken to be all there is, in seconds.
_SETTLED = 600


def observe(
    connection: Connection, project: str | None, tickets: Sequence[Ticket]
) -> dict[str, Observation]:
    """Say what is known of each job, by `Ticket.uid`.

    Parameters
    ----------
    connection
        The schedd.
    project
        The project's identity, for one query of all its jobs; None queries the jobs by their own.
    tickets
        The jobs.
    """
    asked = _Pass(connection, project, tickets)
    for step in (asked.queue, asked.logs, asked.strays, asked.history):
        if not asked.open:
            break
        try:
            step()
        except SchedulerError as error:
            cause = error.message
            return {**asked.known, **{uid: Unknown(cause) for uid in asked.open}}
    for uid in asked.open:
        reason = asked.doubts.get(uid)
        nowhere = NotFound(("queue", "event log", "history"))
        asked.known[uid] = Unknown(reason) if reason else nowhere
    return asked.known


@dataclass
class _Pass:
    """What is known so far, and of whom nothing is."""

    connection: Connection
    project: str | None
    tickets: Sequence[Ticket]
    known: dict[str, Observation] = field(default_factory=dict)
    #: Why nothing can be said of a ticket, should nobody say more.
    doubts: dict[str, str] = field(default_factory=dict)
    #: Processes that have completed and are in the queue still, of clusters that are half gone.
    completed: dict[str, list[Ad]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open = {ticket.uid: ticket for ticket in self.tickets}
        self.now = time.time()

    def answer(self, uid: str, observation: Observation) -> None:
        self.known[uid] = observation
        del self.open[uid]

    def queue(self) -> None:
        """Answer for what the queue has."""
        constraints = _constraints(self.open.values())
        if self.project is not None:
            constraints = iter([f"AsimovProject =?= {quoted(self.project)}"])
        self._take_queue(f"({c}) && {_TOP_LEVEL}" for c in constraints)

    def strays(self) -> None:
        """Answer for jobs in the queue that lost their tag."""
        numbered = [ticket for ticket in self.open.values() if ticket.job_id is not None]
        self._take_queue(_chunked(numbered, lambda ticket: f"ClusterId == {ticket.job_id}"))

    def _take_queue(self, constraints: Iterable[str]) -> None:
        ads: list[Ad] = []
        for constraint in constraints:
            ads += self.connection.queue(constraint, answers.IN_QUEUE)
        for ticket, cluster in _matched(self.open.values(), ads):
            there = answers.present(cluster, self.now)
            if there is not None:
                self.answer(ticket.uid, there)
            elif len(cluster) == answers.processes(cluster):
                self.answer(ticket.uid, answers.gone(cluster, "queue"))
            else:
                self.completed[ticket.uid] = cluster

    def logs(self) -> None:
        """Answer for those whose event logs hold an ending."""
        read: dict[str, list[Event]] = {}
        for ticket in list(self.open.values()):
            events: list[Event] = []
            for path in ticket.logs:
                try:
                    if path not in read:
                        read[path] = read_events(path)[0]
                    events += read[path]
                except OSError as error:
                    self.doubts[ticket.uid] = f"event log {path}: {error.strerror}"
            events = [e for e in events if e.time is None or e.time > ticket.since - _CLOCKS]
            cluster = ticket.job_id
            if cluster is None:
                nodes = {e.cluster for e in events if "DAGManJobId" in e.attributes}
                cluster = max(tagged_clusters(events, "AsimovUID", ticket.uid) - nodes, default=-1)
            if not any(event.cluster == cluster for event in events):
                continue
            end = ending(events, cluster)
            if end is None:
                self.doubts[ticket.uid] = (
                    f"job {cluster} is not in the queue, and its event log tells of no ending"
                )
                continue
            progress = _dag_progress(ticket.logs, cluster)
            if progress is None and end.progress.total > 1:
                progress = end.progress
            self.answer(
                ticket.uid,
                Gone(
                    job_id=cluster,
                    exit_code=end.exit_code,
                    evidence="event log",
                    ended_at=end.ended_at,
                    signal=end.signal,
                    removed=end.removed,
                    reason=answers.ending_reason(end.reason, progress),
                    progress=progress,
                ),
            )

    def history(self) -> None:
        """Answer for those that the history has."""
        if self.project is not None and len(self.open) > _FEW:
            self._take_history([f"AsimovProject =?= {quoted(self.project)}"])
        if self.open:
            self._take_history(_constraints(self.open.values()))

    def _take_history(self, constraints: Iterable[str]) -> None:
        since = min(ticket.since for ticket in self.open.values()) - _CLOCKS
        ads = [ad for uid in self.open for ad in self.completed.get(uid, [])]
        for constraint in constraints:
            wanted = f"({constraint}) && {_TOP_LEVEL}"
            ads += self.connection.history(wanted, answers.IN_HISTORY, since)
        for ticket, cluster in _matched(self.open.values(), ads):
            end = answers.gone(cluster, "history")
            total = answers.processes(cluster)
            if len(cluster) < total and self.now - (end.ended_at or 0) < _SETTLED:
                self.doubts[ticket.uid] = (
                    f"the history holds {len(cluster)} of {total} processes of job {end.job_id}"
                )
            else:
                self.answer(ticket.uid, end)


def _constraints(tickets: Iterable[Ticket]) -> Iterator[str]:
    def one(ticket: Ticket) -> str:
        uid = f"AsimovUID =?= {quoted(ticket.uid)}"
        return uid if ticket.job_id is None else f"{uid} || ClusterId == {ticket.job_id}"

    return _chunked(tickets, one)


def _chunked(items: Iterable[T], constraint: Callable[[T], str]) -> Iterator[str]:
    chunk = ""
    for item in list(items):
        more = constraint(item)
        if chunk and len(chunk) + len(more) > _LENGTH:
            yield chunk
            chunk = ""
        chunk = f"{chunk} || {more}" if chunk else more
    if chunk:
        yield chunk


def _matched(tickets: Iterable[Ticket], ads: Iterable[Ad]) -> Iterator[tuple[Ticket, list[Ad]]]:
    """Pair each ticket with the processes of its cluster, where there are any.

    That is the cluster of its number, or the newest that has its tag: a pipeline may have
    submitted several jobs at once.
    """
    clusters: dict[int, dict[int, Ad]] = defaultdict(dict)
    tagged: dict[str, set[int]] = defaultdict(set)
    for ad in ads:
        clusters[ad["ClusterId"]][ad["ProcId"]] = ad
        if "AsimovUID" in ad:
            tagged[ad["AsimovUID"]].add(ad["ClusterId"])
    for ticket in list(tickets):
        mine = tagged.get(ticket.uid, set())
        number = ticket.job_id
        if number is None or number not in mine:
            stray = clusters.get(number) if number is not None else None
            # A schedd that was set up anew counts from 1 again: a job without a tag must be of
            # the ticket's time, and one with another tag is another's.
            if stray and _untagged_since(stray.values(), ticket.since - _CLOCKS):
                yield ticket, list(stray.values())
                continue
            number = max(mine, default=None)
        if number is not None:
            yield ticket, list(clusters[number].values())


def _untagged_since(ads: Iterable[Ad], since: float) -> bool:
    return all("AsimovUID" not in ad and ad.get("QDate", 0) > since for ad in ads)


def _dag_progress(logs: Iterable[str], cluster: int) -> Progress | None:
    """Return how far a DAG came, by the file that DAGMan writes beside its log when it ends."""
    for log in logs:
        if not log.endswith(".dagman.log"):
            continue
        path = Path(log.removesuffix("dagman.log") + "metrics")
        try:
            metrics = json.loads(path.read_text())
        except (OSError, ValueError):
            continue  # it is an extra, and may be missing or half written
        if str(metrics.get("dagman_id")) == str(cluster):
            count = {
                what: metrics.get(f"nodes_{what}", 0) + metrics.get(f"dag_nodes_{what}", 0)
                for what in ("succeeded", "failed")
            }
            return Progress(metrics["total_nodes"], count["succeeded"], count["failed"])
    return None
