"""One pass over many jobs: the queue first, then event logs, then the history.

The queue is asked once. Only for jobs of which none of the three knows is it asked again, by their
numbers: a job may have lost its tag.

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor import job_ads
from asimov.scheduler.htcondor.cluster_state import Ending
from asimov.scheduler.htcondor.connection import Ad, Connection, quoted
from asimov.scheduler.htcondor.log_follower import LogBook, Told
from asimov.scheduler.jobs import CLOCK_SKEW, Ticket
from asimov.scheduler.observations import Gone, NotFound, Observation, Present, Progress, Unknown

T = TypeVar("T")
_TOP_LEVEL = "DAGManJobId =?= undefined"
#: Of the nodes of DAGs those on hold are of interest, which somebody has to do something about.
_IN_QUEUE = f"({_TOP_LEVEL} || JobStatus == {job_ads.JobStatus.HELD:d})"
#: Characters in one constraint. Measured: the schedd answers for the history with nothing at all,
#: and without an error, where a constraint has 10,686; with 7,986 it is right.
_LENGTH = 4000
#: Above so many jobs one look at all the project's history is faster than one at theirs.
_FEW = 100
#: How long after its intent a job may be submitted, in seconds: no method takes as long.
_SUBMITTED = 86400


def observe(
    connection: Connection,
    project: str | None,
    tickets: Sequence[Ticket],
    logbook: LogBook | None = None,
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
    logbook
        How far their event logs were read; None reads them from their beginning.
    """
    if logbook is None:
        logbook = LogBook(None)
    asked = _Pass(connection, project, tickets, logbook)
    asked.run()
    said = {uid: each for uid, each in asked.known.items() if isinstance(each, (Present, Gone))}
    logbook.said.update(said)
    return asked.known


def news(
    connection: Connection, logbook: LogBook, tickets: Sequence[Ticket]
) -> dict[str, Observation]:
    """Say what event logs tell that was not said before, by `Ticket.uid`; ask no schedd.

    A job has ended only where all its processes have, and it is known how many there are. Of a
    job that is asked about for the first time its end alone is news.

    Parameters
    ----------
    connection
        The schedd that has the jobs; it is not contacted.
    logbook
        How far the logs were read, and what was said before.
    tickets
        The jobs.
    """
    new: dict[str, Observation] = {}
    told = logbook.look(tickets)
    for ticket in tickets:
        answer = _by_log(ticket, told[ticket.uid])
        before, said = logbook.heard.get(ticket.uid), logbook.said.get(ticket.uid)
        if answer is None or (before is not None and _same(answer, before)):
            continue
        logbook.heard[ticket.uid] = answer
        if before is None and not isinstance(answer, Gone):
            continue
        if said is not None and _same(answer, said):
            continue
        if isinstance(answer, Present) and isinstance(said, Present) and _runs_dag(ticket):
            # Its log tells nothing of its nodes: what was known of them is so until asked again.
            answer = replace(answer, progress=said.progress, held=answer.held or said.held)
        new[ticket.uid] = logbook.said[ticket.uid] = answer
    return new


def _by_log(ticket: Ticket, told: Told) -> Present | Gone | None:
    """Return what logs alone tell of a job, where they are sure of it."""
    if told.cluster is None or told.state is None:
        return None
    end = told.state.ending()
    if end is None:
        return told.state.present(told.cluster)
    return _gone(ticket, told.cluster, end) if told.state.sure else None


def _same(answer: Present | Gone, other: Observation) -> bool:
    """Say whether an answer by a log says nothing that another has not said."""
    if isinstance(answer, Gone) or not isinstance(other, Present):
        return isinstance(answer, Gone) and isinstance(other, Gone)
    progress = answer.progress is None or answer.progress == other.progress
    return progress and (answer.state, answer.code) == (other.state, other.code)


def _runs_dag(ticket: Ticket) -> bool:
    return any(log.endswith(".dagman.log") for log in ticket.logs)


def _gone(ticket: Ticket, cluster: int, end: Ending) -> Gone:
    progress = _dag_progress(ticket.logs, cluster)
    if progress is None and end.progress.total > 1:
        progress = end.progress
    return Gone(
        job_id=cluster,
        exit_code=end.exit_code,
        evidence="event log",
        ended_at=end.ended_at,
        signal=end.signal,
        removed=end.removed,
        reason=job_ads.ending_reason(end.reason, progress),
        progress=progress,
    )


@dataclass
class _Pass:
    """What is known so far, and of whom nothing is."""

    connection: Connection
    project: str | None
    tickets: Sequence[Ticket]
    logbook: LogBook
    known: dict[str, Observation] = field(default_factory=dict)
    #: Why nothing can be said of a ticket, should nobody say more.
    doubts: dict[str, str] = field(default_factory=dict)
    #: Those whose event logs could not all be read.
    unread: set[str] = field(default_factory=set)
    #: Processes that have completed and are in the queue still, of clusters that are half gone.
    completed: dict[str, list[Ad]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open = {ticket.uid: ticket for ticket in self.tickets}
        self.now = time.time()

    def run(self) -> None:
        """Ask one source after the other, until all is known or one can't be asked."""
        for step in (self.queue, self.logs, self.history, self.strays, self.left_meanwhile):
            if not self.open:
                break
            try:
                step()
            except SchedulerError as error:
                if step == self.queue:
                    self.ended()
                self.known.update({uid: Unknown(error.message) for uid in self.open})
                return
        for uid in self.open:
            reason = self.doubts.get(uid)
            nowhere = NotFound(("queue", "event log", "history"))
            self.known[uid] = Unknown(reason, absent=uid not in self.unread) if reason else nowhere

    def answer(self, uid: str, observation: Observation) -> None:
        self.known[uid] = observation
        del self.open[uid]

    def queue(self) -> None:
        """Answer for what the queue has."""
        if self.project is not None:
            constraints = iter([f"AsimovProject =?= {quoted(self.project)}"])
        else:
            constraints = _constraints(self.open.values(), nodes=True)
        self._take_queue(f"({c}) && {_IN_QUEUE}" for c in constraints)

    def strays(self) -> None:
        """Answer for jobs in the queue that lost their tag."""
        numbered = [ticket for ticket in self.open.values() if ticket.job_id is not None]
        wanted = "(ClusterId == {0} || (DAGManJobId == {0} && JobStatus == {1:d}))"
        held = job_ads.JobStatus.HELD
        self._take_queue(_chunked(numbered, lambda ticket: wanted.format(ticket.job_id, held)))

    def _take_queue(self, constraints: Iterable[str]) -> None:
        ads: list[Ad] = []
        for constraint in constraints:
            ads += self.connection.queue(constraint, job_ads.IN_QUEUE)
        nodes = _Nodes(ads, {ticket.job_id for ticket in self.open.values()})
        for ticket, cluster in _matched(self.open.values(), nodes.others):
            total = job_ads.told_processes(cluster)
            if total is not None:
                self.logbook.expect(cluster[0]["ClusterId"], total)
            there = job_ads.present(cluster, self.now, nodes.of(ticket, cluster[0]["ClusterId"]))
            if there is not None:
                self.answer(ticket.uid, there)
            elif len(cluster) == job_ads.processes(cluster):
                self.answer(ticket.uid, job_ads.gone(cluster, "queue"))
            else:
                self.completed[ticket.uid] = cluster

    def logs(self) -> None:
        """Answer for those whose event logs hold an ending."""
        told = self.logbook.look(list(self.open.values()))
        for ticket in list(self.open.values()):
            log = told[ticket.uid]
            if log.unread:
                self.unread.add(ticket.uid)
            if log.doubt:
                self.doubts[ticket.uid] = log.doubt
            if log.cluster is None or log.state is None:
                continue
            end = log.state.ending()
            if end is not None and log.state.whole:
                self.answer(ticket.uid, _gone(ticket, log.cluster, end))
                continue
            lack = "tells of no ending" if end is None else "lacks its beginning"
            doubt = f"job {log.cluster} is not in the queue, and its event log {lack}"
            self.doubts[ticket.uid] = f"{doubt}; {log.doubt}" if log.doubt else doubt

    def ended(self) -> None:
        """Answer for those whose end their logs are sure of, where the queue can't be asked."""
        told = self.logbook.look(list(self.open.values()))
        for ticket in list(self.open.values()):
            answer = _by_log(ticket, told[ticket.uid])
            if isinstance(answer, Gone):
                self.answer(ticket.uid, answer)

    def history(self) -> None:
        """Answer for those that the history has."""
        if self.project is not None and len(self.open) > _FEW:
            self._take_history([f"AsimovProject =?= {quoted(self.project)}"])
        if self.open:
            self._take_history(_constraints(self.open.values()))

    def left_meanwhile(self) -> None:
        """Answer for jobs without a tag that have left the queue since the history was asked."""
        numbered = [ticket for ticket in self.open.values() if ticket.job_id is not None]
        if numbered:
            self._take_history(_constraints(numbered))

    def _take_history(self, constraints: Iterable[str]) -> None:
        since = min(ticket.since for ticket in self.open.values()) - CLOCK_SKEW
        ads = [ad for uid in self.open for ad in self.completed.get(uid, [])]
        for constraint in constraints:
            wanted = f"({constraint}) && {_TOP_LEVEL}"
            ads += self.connection.history(wanted, job_ads.IN_HISTORY, since)
        for ticket, cluster in _matched(self.open.values(), ads):
            end = job_ads.gone(cluster, "history")
            total = job_ads.processes(cluster)
            if len(cluster) < total:
                # The others may be under way on a schedd that has lost its queue.
                self.doubts[ticket.uid] = (
                    f"the history holds {len(cluster)} of {total} processes of job {end.job_id}"
                )
            else:
                self.answer(ticket.uid, end)


class _Nodes:
    """The nodes of DAGs among some jobs, by whose they are, and the `others`."""

    def __init__(self, ads: Iterable[Ad], asked: set[int | None]) -> None:
        self.others: list[Ad] = []
        self._below: dict[int, dict[tuple[int, int], Ad]] = defaultdict(dict)
        self._tagged: dict[str, set[int]] = defaultdict(set)
        for ad in ads:
            dag = ad.get("DAGManJobId")
            if dag is None or ad["ClusterId"] in asked:
                self.others.append(ad)
                continue
            self._below[dag][ad["ClusterId"], ad["ProcId"]] = ad
            if "AsimovUID" in ad:
                self._tagged[ad["AsimovUID"]].add(dag)
        self._top = {ad["ClusterId"] for ad in self.others}

    def of(self, ticket: Ticket, cluster: int) -> list[Ad]:
        """Return the nodes of a ticket's cluster, and of the DAGs that run in it.

        A node of those names another DAG's job, but carries the identity of the same attempt.
        """
        inner = self._tagged.get(ticket.uid, set()) - self._top
        dags = {cluster, *inner}
        return [ad for dag in dags for ad in self._below.get(dag, {}).values()]


def _constraints(tickets: Iterable[Ticket], *, nodes: bool = False) -> Iterator[str]:
    def one(ticket: Ticket) -> str:
        uid = f"AsimovUID =?= {quoted(ticket.uid)}"
        if ticket.job_id is None:
            return uid
        by_number = f"{uid} || ClusterId == {ticket.job_id}"
        return f"{by_number} || DAGManJobId == {ticket.job_id}" if nodes else by_number

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
            if stray and _untagged_of(stray.values(), ticket.since):
                yield ticket, list(stray.values())
                continue
            number = max(mine, default=None)
        if number is not None:
            yield ticket, list(clusters[number].values())


def _untagged_of(ads: Iterable[Ad], since: float) -> bool:
    return all(
        "AsimovUID" not in ad and -CLOCK_SKEW < ad.get("QDate", 0) - since < _SUBMITTED
        for ad in ads
    )


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
