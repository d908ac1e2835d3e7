"""Observe many jobs in one pass: ask the queue, then read event logs, then ask the history.

The queue is asked once. Only for jobs that none of the three knows is it asked again, by their
numbers: a job may have lost its tag.

The order matters. HTCondor writes a job's ending to its event log and the history before the job
leaves the queue (measured: while 997 of 1,000 removed jobs were still in the queue 222 were in the
history, and none was missing there once it had left). So a job that is not in the queue, nor in
either of the others asked afterwards, was never submitted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from asimov.errors import CredentialsError, SchedulerError
from asimov.scheduler.htcondor import job_ads
from asimov.scheduler.htcondor.classads import Ad, quoted
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.log_follower import LogFollower
from asimov.scheduler.htcondor.log_news import by_log, gone_by_log
from asimov.scheduler.htcondor.ticket_matching import DagNodes, constraints, joined, matched
from asimov.scheduler.jobs import CLOCK_SKEW, Ticket
from asimov.scheduler.observations import Gone, NotFound, Observation, Present, Unknown

#: Of DAG nodes only the held ones matter: somebody has to act on them.
_IN_QUEUE = f"({job_ads.TOP_LEVEL} || JobStatus == {job_ads.JobStatus.HELD:d})"
#: For more jobs than this one query of the whole project's history is faster than one by job.
_FEW = 100


def observe(
    connection: Connection,
    project: str | None,
    tickets: Sequence[Ticket],
    log_follower: LogFollower | None = None,
) -> dict[str, Observation]:
    """Return the state of each job, by `Ticket.uid`.

    Parameters
    ----------
    connection
        The schedd.
    project
        The project's identity, to query all its jobs at once; None queries each job by its own.
    tickets
        The jobs.
    log_follower
        Reads their event logs; None reads them from their beginning.
    """
    if log_follower is None:
        log_follower = LogFollower(None)
    observed = _Pass(connection, project, tickets, log_follower)
    observed.run()
    certain = {
        uid: each for uid, each in observed.known.items() if isinstance(each, Present | Gone)
    }
    log_follower.reported.update(certain)
    return observed.known


@dataclass
class _Pass:
    """What is known so far, and the tickets that are still open."""

    connection: Connection
    project: str | None
    tickets: Sequence[Ticket]
    log_follower: LogFollower
    known: dict[str, Observation] = field(default_factory=dict)
    #: Why a ticket stays unknown, unless a later source answers.
    doubts: dict[str, str] = field(default_factory=dict)
    #: Tickets whose event logs could not all be read.
    unread: set[str] = field(default_factory=set)
    #: Processes that have completed and are still in the queue, of clusters that have partly left.
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
            except CredentialsError as error:
                # Of logs neither: the file system may have refused the same credentials.
                refused = Unknown(error.message, refused=True)
                self.known.update(dict.fromkeys(self.open, refused))
                return
            except SchedulerError as error:
                if step == self.queue:
                    self.certain_ends()
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
        """Answer for jobs in the queue."""
        if self.project is not None:
            wanted = iter([f"AsimovProject =?= {quoted(self.project)}"])
        else:
            wanted = constraints(self.open.values(), nodes=True)
        self._take_queue(f"({each}) && {_IN_QUEUE}" for each in wanted)

    def strays(self) -> None:
        """Answer for jobs in the queue that lost their tag."""
        numbered = [ticket for ticket in self.open.values() if ticket.job_id is not None]
        wanted = "(ClusterId == {0} || (DAGManJobId == {0} && JobStatus == {1:d}))"
        held = job_ads.JobStatus.HELD
        self._take_queue(joined(numbered, lambda ticket: wanted.format(ticket.job_id, held)))

    def _take_queue(self, wanted: Iterable[str]) -> None:
        ads: list[Ad] = []
        for constraint in wanted:
            ads += self.connection.queue(constraint, job_ads.IN_QUEUE)
        nodes = DagNodes(ads, {ticket.job_id for ticket in self.open.values()})
        for ticket, cluster in matched(self.open.values(), nodes.others):
            total = job_ads.stated_processes(cluster)
            if total is not None:
                self.log_follower.expect(cluster[0]["ClusterId"], total)
            there = job_ads.present(cluster, self.now, nodes.of(ticket, cluster[0]["ClusterId"]))
            if there is not None:
                self.answer(ticket.uid, there)
            elif len(cluster) == job_ads.processes(cluster):
                self.answer(ticket.uid, job_ads.gone(cluster, "queue"))
            else:
                self.completed[ticket.uid] = cluster

    def logs(self) -> None:
        """Answer for jobs whose event logs hold an ending."""
        evidence = self.log_follower.look(list(self.open.values()))
        for ticket in list(self.open.values()):
            log = evidence[ticket.uid]
            if log.unread:
                self.unread.add(ticket.uid)
            if log.doubt:
                self.doubts[ticket.uid] = log.doubt
            if log.cluster is None or log.state is None:
                continue
            end = log.state.ending()
            if end is not None and log.state.whole:
                self.answer(ticket.uid, gone_by_log(ticket, log.cluster, end))
                continue
            lack = "shows no ending" if end is None else "lacks its beginning"
            doubt = f"job {log.cluster} is not in the queue, and its event log {lack}"
            self.doubts[ticket.uid] = f"{doubt}; {log.doubt}" if log.doubt else doubt

    def certain_ends(self) -> None:
        """Answer for jobs whose logs are certain of their end, where the queue can't be asked."""
        evidence = self.log_follower.look(list(self.open.values()))
        for ticket in list(self.open.values()):
            answer = by_log(ticket, evidence[ticket.uid])
            if isinstance(answer, Gone):
                self.answer(ticket.uid, answer)

    def history(self) -> None:
        """Answer for jobs in the history."""
        if self.project is not None and len(self.open) > _FEW:
            self._take_history([f"AsimovProject =?= {quoted(self.project)}"])
        if self.open:
            self._take_history(constraints(self.open.values()))

    def left_meanwhile(self) -> None:
        """Answer for untagged jobs that left the queue since the history was asked."""
        numbered = [ticket for ticket in self.open.values() if ticket.job_id is not None]
        if numbered:
            self._take_history(constraints(numbered))

    def _take_history(self, wanted: Iterable[str]) -> None:
        since = min(ticket.since for ticket in self.open.values()) - CLOCK_SKEW
        ads = [ad for uid in self.open for ad in self.completed.get(uid, [])]
        for constraint in wanted:
            top = f"({constraint}) && {job_ads.TOP_LEVEL}"
            ads += self.connection.history(top, job_ads.IN_HISTORY, since)
        for ticket, cluster in matched(self.open.values(), ads):
            end = job_ads.gone(cluster, "history")
            total = job_ads.processes(cluster)
            if len(cluster) < total:
                # On a schedd that has lost its queue the others may still run.
                self.doubts[ticket.uid] = (
                    f"the history holds {len(cluster)} of {total} processes of job {end.job_id}"
                )
            else:
                self.answer(ticket.uid, end)
