"""Find tickets' jobs: constraints that select them, and which of the returned ads are whose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from asimov.scheduler.htcondor.classads import Ad, quoted
from asimov.scheduler.jobs import CLOCK_SKEW, Ticket

T = TypeVar("T")
#: The most characters in one constraint. Measured: to a history query with 10,686 characters the
#: schedd answers with nothing at all, and without an error; with 7,986 the answer is right.
_LENGTH = 4000
#: How long after its intent a job may be submitted, in seconds: no method takes as long.
_SUBMITTED = 86400


def constraints(tickets: Iterable[Ticket], *, nodes: bool = False) -> Iterator[str]:
    """Yield constraints that together select the tickets' jobs, by their tags and numbers.

    Parameters
    ----------
    tickets
        The tickets.
    nodes
        Whether to select the nodes of DAGs too.
    """

    def one(ticket: Ticket) -> str:
        uid = f"AsimovUID =?= {quoted(ticket.uid)}"
        if ticket.job_id is None:
            return uid
        by_number = f"{uid} || ClusterId == {ticket.job_id}"
        return f"{by_number} || DAGManJobId == {ticket.job_id}" if nodes else by_number

    return joined(tickets, one)


def joined(items: Iterable[T], constraint: Callable[[T], str]) -> Iterator[str]:
    """Yield the constraints of items joined by ``||``, each no longer than a schedd can take."""
    joint = ""
    for item in list(items):
        more = constraint(item)
        if joint and len(joint) + len(more) > _LENGTH:
            yield joint
            joint = ""
        joint = f"{joint} || {more}" if joint else more
    if joint:
        yield joint


def matched(tickets: Iterable[Ticket], ads: Iterable[Ad]) -> Iterator[tuple[Ticket, list[Ad]]]:
    """Yield each ticket whose cluster is among some ads, with the ads of its processes.

    That is the cluster of its number, or the newest cluster with its tag: a pipeline may have
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
            # A reinstalled schedd counts from 1 again: a job without a tag must be of the ticket's
            # time, and a job with another tag is another's.
            if stray and _untagged_at(stray.values(), ticket.since):
                yield ticket, list(stray.values())
                continue
            number = max(mine, default=None)
        if number is not None:
            yield ticket, list(clusters[number].values())


def _untagged_at(ads: Iterable[Ad], since: float) -> bool:
    return all(
        "AsimovUID" not in ad and -CLOCK_SKEW < ad.get("QDate", 0) - since < _SUBMITTED
        for ad in ads
    )


class DagNodes:
    """The DAG nodes among some jobs, by DAG.

    Parameters
    ----------
    ads
        The jobs.
    asked
        Numbers of jobs that are asked about; these count as jobs even if they are nodes.

    Attributes
    ----------
    others
        The jobs that are not nodes.
    """

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
        """Return the nodes of a ticket's cluster, and of the DAGs inside it.

        A node of an inner DAG names another DAG's job, but carries the same attempt's identity.
        """
        inner = self._tagged.get(ticket.uid, set()) - self._top
        dags = {cluster, *inner}
        return [ad for dag in dags for ad in self._below.get(dag, {}).values()]
