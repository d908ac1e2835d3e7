"""A bookmark in one event log: how far it was read, and the states of the requested clusters."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from asimov.scheduler.htcondor.cluster_state import ClusterState
from asimov.scheduler.jobs import CLOCK_SKEW, Ticket
from asimov.scheduler.languages.events import Event, EventType

#: A larger bookmark is compressed, in bytes: one of 10,000 processes is a few kB then.
_LARGE = 512


class Bookmark(msgspec.Struct, array_like=True):
    """How far a log was read, and what it says.

    Attributes
    ----------
    inode, offset, tail
        The file, the offset after the last whole event, and a digest of the bytes before it.
    asked, tagged
        The clusters, and the attempts whose clusters are unknown, that the part before the offset
        was searched for; and since when, in seconds.
    clusters
        What the log says about each cluster.
    tops
        By attempt: the clusters that carry its identity and are not nodes of a DAG.
    """

    inode: int = 0
    offset: int = 0
    tail: bytes = b""
    asked: dict[int, int] = msgspec.field(default_factory=dict)
    tagged: dict[str, int] = msgspec.field(default_factory=dict)
    clusters: dict[int, ClusterState] = msgspec.field(default_factory=dict)
    tops: dict[str, list[int]] = msgspec.field(default_factory=dict)

    def ask(self, tickets: Iterable[Ticket]) -> bool:
        """Add tickets to what is asked; return whether the part already read must be read again."""
        clusters: dict[int, int] = {}
        tagged: dict[str, int] = {}
        for ticket in tickets:
            since = int(ticket.since) - CLOCK_SKEW
            if ticket.job_id is None:
                tagged[ticket.uid] = since
            else:
                clusters[ticket.job_id] = min(since, clusters.get(ticket.job_id, since))
        again = False
        for cluster, since in clusters.items():
            if self.asked.get(cluster) != since:
                self.asked[cluster] = since
                self.clusters.pop(cluster, None)
                again = True
        for uid, since in tagged.items():
            if self.tagged.get(uid) != since:
                self.tagged[uid] = since
                again = True
        return again and self.offset > 0

    def take(self, event: Event) -> bool:
        """Take an event; return whether the log must be read again, for a cluster it reveals."""
        since = self.asked.get(event.cluster)
        if since is not None and (event.time is None or event.time > since):
            state = self.clusters.get(event.cluster)
            # A reinstalled schedd counts from 1 again: another identity is another job.
            if state is None or state.uid not in (None, _uid(event) or state.uid):
                state = self.clusters[event.cluster] = ClusterState()
            state.take(event)
        if not self.tagged or event.number != EventType.JOB_AD_INFORMATION:
            return False
        attributes = event.attributes
        uid = attributes.get("AsimovUID", "")
        since = self.tagged.get(uid)
        if (
            since is None
            or "DAGManJobId" in attributes
            or (event.time is not None and event.time <= since)
        ):
            return False
        tops = self.tops.setdefault(uid, [])
        if event.cluster in tops:
            return False
        tops.append(event.cluster)
        if self.asked.get(event.cluster) == since:
            return False
        self.asked[event.cluster] = since
        return True

    def encoded(self) -> bytes:
        """Return the bookmark as it is stored; empty where nothing in it is worth storing."""
        states = [self.clusters[cluster] for cluster in self.asked if cluster in self.clusters]
        if not any(state.ending() is None for state in states):
            # It knows no job, or only jobs that have ended, about which questions soon cease.
            return b""
        plain = msgspec.msgpack.encode(self)
        return b"z" + zlib.compress(plain, 1) if len(plain) > _LARGE else b"p" + plain


def decoded(data: bytes) -> Bookmark:
    """Return a stored bookmark; a new one where it is damaged or of another version."""
    if not data:
        return Bookmark()
    try:
        plain = zlib.decompress(data[1:]) if data[:1] == b"z" else data[1:]
        return msgspec.msgpack.decode(plain, type=Bookmark)
    except (msgspec.MsgspecError, zlib.error):
        return Bookmark()


def _uid(event: Event) -> str | None:
    if event.number != EventType.JOB_AD_INFORMATION:
        return None
    return event.attributes.get("AsimovUID")
