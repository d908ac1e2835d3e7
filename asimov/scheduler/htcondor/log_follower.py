"""Event logs, read as they grow.

Of each log it is kept how far it was read, and what it says of the clusters that are asked about.
A look at a log that has not changed costs one ``stat``; one that has is opened, read on, and
closed, so that no more than one file is open at a time however many logs there are.

A log may be rotated, cut short, rewritten or deleted between two looks. Where the bytes in front
of the place are no longer those that were there the log is read from its beginning again, which is
harmless: the reducer takes events that it knows. What was read of a log that is gone stays known.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from asimov.scheduler.contract import BookmarkStore
from asimov.scheduler.htcondor.cluster_state import ClusterState
from asimov.scheduler.jobs import CLOCK_SKEW, Ticket
from asimov.scheduler.languages.event_log import split_events
from asimov.scheduler.languages.events import Event, EventType
from asimov.scheduler.observations import Observation

#: Bytes that are read at once.
_BLOCK = 1 << 20
#: No event is longer; of a file that is no event log no more than this is read again.
_EVENT = 1 << 16
#: Bytes in front of the place by which a log is known again.
_TAIL = 128
#: What programs that rotate logs call the one before.
_ROTATED = (".old", ".1")
#: A bookmark above this size is kept compressed: one of 10,000 processes is a few kB then.
_LARGE = 512
#: Logs that nobody asks about any more are forgotten above so many times those that are.
_SPARE = 4


class Mark(msgspec.Struct, array_like=True):
    """How far a log was read, and what it says.

    Attributes
    ----------
    inode, offset, tail
        The file, the place behind the last whole event, and a digest of the bytes in front of it.
    asked, tagged
        The clusters, and the attempts whose clusters are not known, that the part in front of the
        place was searched for, and since when, in seconds.
    clusters
        What it says of each cluster.
    tops
        The clusters that carry an attempt's identity and are no nodes of a DAG.
    """

    inode: int = 0
    offset: int = 0
    tail: bytes = b""
    asked: dict[int, int] = msgspec.field(default_factory=dict)
    tagged: dict[str, int] = msgspec.field(default_factory=dict)
    clusters: dict[int, ClusterState] = msgspec.field(default_factory=dict)
    tops: dict[str, list[int]] = msgspec.field(default_factory=dict)


class _Log:
    """A mark, and what is known of the file in this process only."""

    __slots__ = ("changed", "fault", "kept", "looked", "mark", "stamp")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        #: Whether the store has a bookmark of it.
        self.kept = mark.inode != 0
        #: Size, time of change and inode at the last look; None where it must be opened.
        self.stamp: tuple[int, int, int] | None = None
        self.fault: str | None = None
        self.looked = 0
        self.changed = False


@dataclass(frozen=True, slots=True)
class Told:
    """What its event logs say of a ticket's job.

    Attributes
    ----------
    cluster, state
        The job; both None where no log tells of it.
    doubt
        Why the logs may not be all there is: one that can't be read, or has vanished.
    unread
        Whether one is there and can't be read: it may tell more some time.
    """

    cluster: int | None = None
    state: ClusterState | None = None
    doubt: str | None = None
    unread: bool = False


class LogBook:
    """How far event logs have been read.

    Parameters
    ----------
    store
        Keeps bookmarks from one process to the next. They are a cache; without one every process
        reads logs from their beginning.
    """

    def __init__(self, store: BookmarkStore | None) -> None:
        self._store = store
        self._stored: dict[str, bytes] | None = None
        self._logs: dict[str, _Log] = {}
        self._totals: dict[int, int] = {}
        self._round = 0
        #: What was last said of each attempt, from whatever source, and what its logs said then:
        #: whoever reports news from logs tells by them what is new.
        self.said: dict[str, Observation] = {}
        self.heard: dict[str, Observation] = {}

    def expect(self, cluster: int, total: int) -> None:
        """Learn how many processes a cluster was submitted with, from whoever knows it."""
        self._totals[cluster] = total

    def look(self, tickets: Sequence[Ticket]) -> dict[str, Told]:
        """Read the logs of some tickets as far as they have grown.

        Returns
        -------
        dict
            What they say, by `Ticket.uid`; an entry for each ticket.

        Raises
        ------
        AsimovError
            Where the store can't keep the bookmarks.
        """
        self._round += 1
        asking: dict[str, list[Ticket]] = {}
        for ticket in tickets:
            for path in ticket.logs:
                asking.setdefault(path, []).append(ticket)
        told = {ticket.uid: self._told(ticket, asking) for ticket in tickets}
        self._save()
        self._forget(tickets, len(asking))
        return told

    # --- of one ticket

    def _told(self, ticket: Ticket, asking: dict[str, list[Ticket]]) -> Told:
        cluster, state, doubt = ticket.job_id, None, None
        unread = False
        # First where the job is known to be, or DAGMan's own log, of which there is one: the
        # nodes of a DAG may have thousands.
        for path in self._in_order(ticket):
            log = self._look(path, asking[path])
            if log.fault:
                doubt = f"event log {path}: {log.fault}"
                unread = unread or os.path.lexists(path)
            mine = max(log.mark.tops.get(ticket.uid, ()), default=None)
            if ticket.job_id is None and mine is not None and mine > (cluster or 0):
                cluster, state = mine, None  # the newest: a pipeline may have submitted several
            found = log.mark.clusters.get(cluster) if cluster is not None else None
            if found is None or cluster is None or found.uid not in (None, ticket.uid):
                continue
            found.expect(self._totals.get(cluster, 0))
            if path.endswith(".dagman.log"):
                found.expect(1)
            if ticket.job_id is not None and found.sure and not log.fault:
                return Told(cluster, found)
            state = found if state is None else state.merge(found)
        return Told(cluster if state else None, state, doubt, unread)

    def _in_order(self, ticket: Ticket) -> Sequence[str]:
        def unlikely(path: str) -> bool:
            log = self._logs.get(path)
            known = log is not None and ticket.job_id in log.mark.clusters
            return not (known or path.endswith(".dagman.log"))

        if len(ticket.logs) < 2:
            return ticket.logs
        return sorted(dict.fromkeys(ticket.logs), key=unlikely)

    # --- of one log

    def _look(self, path: str, tickets: Iterable[Ticket]) -> _Log:
        log = self._logs.get(path)
        if log is None:
            log = self._logs[path] = _Log(self._loaded(path))
        if log.looked == self._round:
            return log
        log.looked = self._round
        if self._ask(log.mark, tickets):
            log.mark.offset, log.mark.tail, log.stamp, log.changed = 0, b"", None, True
        try:
            self._read_on(path, log)
            log.fault = None
        except OSError as error:
            log.stamp = None
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            # One that never was there is no fault: submission makes it.
            known = bool(log.mark.clusters or log.mark.tops)
            log.fault = None if missing and not known else error.strerror
        return log

    @staticmethod
    def _ask(mark: Mark, tickets: Iterable[Ticket]) -> bool:
        """Note what is asked; return whether what was read already has to be read again."""
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
            if mark.asked.get(cluster) != since:
                mark.asked[cluster] = since
                mark.clusters.pop(cluster, None)
                again = True
        for uid, since in tagged.items():
            if mark.tagged.get(uid) != since:
                mark.tagged[uid] = since
                again = True
        return again and mark.offset > 0

    def _read_on(self, path: str, log: _Log) -> None:
        mark = log.mark
        try:
            now = os.stat(path)  # noqa: PTH116  (a Path for each of 10,000 costs more than the call)
        except FileNotFoundError:
            if mark.inode:
                self._read_rotated(path, log)
            raise
        stamp = now.st_size, now.st_mtime_ns, now.st_ino
        if stamp == log.stamp:
            return
        if not stat.S_ISREG(now.st_mode):
            log.stamp = stamp  # a folder, or a pipe whose opening might wait for ever
            return
        if mark.inode not in (0, now.st_ino):
            self._read_rotated(path, log)
            mark.offset = 0
        mark.inode = now.st_ino
        self._read(path, log, anew=True)
        log.stamp = stamp

    def _read_rotated(self, path: str, log: _Log) -> None:
        """Read the rest of a log that has another name now."""
        for end in _ROTATED:
            try:
                if os.stat(path + end).st_ino == log.mark.inode:  # noqa: PTH116
                    self._read(path + end, log, anew=False)
                    return
            except OSError:
                continue

    def _read(self, path: str, log: _Log, *, anew: bool) -> None:
        """Read from the mark to the end; where it does not fit, `anew` or not at all."""
        mark = log.mark
        while True:
            # Again for each read: of a tag it may turn out late which cluster has it.
            found = False
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  (as above)
                # Of one that became shorter there are fewer bytes to digest.
                if mark.offset and self._digest_at(stream.fileno(), mark.offset) != mark.tail:
                    if not anew:
                        return
                    mark.offset = 0
                stream.seek(mark.offset)
                while block := stream.read(_BLOCK):
                    events, used = split_events(block)
                    for event in events:
                        found |= self._take(mark, event)
                    if not used and len(block) == _BLOCK:
                        used = _BLOCK - _EVENT
                    if not used:
                        break
                    log.changed = True
                    mark.offset += used
                    mark.tail = _digest(block[max(used - _TAIL, 0) : used])
                    if used < _TAIL:
                        mark.tail = self._digest_at(stream.fileno(), mark.offset)
                    stream.seek(mark.offset)
            if not found:
                return
            mark.offset = 0

    @staticmethod
    def _digest_at(handle: int, offset: int) -> bytes:
        start = max(offset - _TAIL, 0)
        return _digest(os.pread(handle, offset - start, start))

    @staticmethod
    def _take(mark: Mark, event: Event) -> bool:
        """Take an event; return whether the log is to be read again for a cluster it tells of."""
        since = mark.asked.get(event.cluster)
        if since is not None and (event.time is None or event.time > since):
            state = mark.clusters.get(event.cluster)
            # A schedd that was set up anew counts from 1 again: another identity is another job.
            if state is None or state.uid not in (None, _uid(event) or state.uid):
                state = mark.clusters[event.cluster] = ClusterState()
            state.take(event)
        if not mark.tagged or event.number != EventType.JOB_AD_INFORMATION:
            return False
        told = event.attributes
        uid = told.get("AsimovUID", "")
        since = mark.tagged.get(uid)
        if (
            since is None
            or "DAGManJobId" in told
            or (event.time is not None and event.time <= since)
        ):
            return False
        tops = mark.tops.setdefault(uid, [])
        if event.cluster in tops:
            return False
        tops.append(event.cluster)
        if mark.asked.get(event.cluster) == since:
            return False
        mark.asked[event.cluster] = since
        return True

    # --- bookmarks

    def _loaded(self, path: str) -> Mark:
        if self._stored is None:
            self._stored = {} if self._store is None else self._store.load()
        data = self._stored.pop(path, None)
        if not data:
            return Mark()
        try:
            plain = zlib.decompress(data[1:]) if data[:1] == b"z" else data[1:]
            return msgspec.msgpack.decode(plain, type=Mark)
        except (msgspec.MsgspecError, zlib.error):
            return Mark()  # of another version, or damaged: it is a cache

    def _save(self) -> None:
        changed: dict[str, bytes] = {}
        for path, log in self._logs.items():
            if log.changed and self._store is not None:
                data = _encoded(log.mark)
                if data or log.kept:
                    changed[path] = data
                log.kept = bool(data)
            log.changed = False
        if self._store is not None and changed:
            self._store.save(changed)

    def _forget(self, tickets: Sequence[Ticket], logs: int) -> None:
        """Drop what nobody has asked about for long, so that a long watch does not grow."""
        if len(self._logs) > _SPARE * (logs + 256):
            recent = [(path, log) for path, log in self._logs.items() if log.looked == self._round]
            self._logs = dict(recent)
        if len(self._totals) > _SPARE * (len(tickets) + 256):
            asked = {ticket.job_id for ticket in tickets}
            self._totals = {each: n for each, n in self._totals.items() if each in asked}
        if len(self.said) > _SPARE * (len(tickets) + 256):
            uids = {ticket.uid for ticket in tickets}
            self.said = {uid: each for uid, each in self.said.items() if uid in uids}
            self.heard = {uid: each for uid, each in self.heard.items() if uid in uids}


def _uid(event: Event) -> str | None:
    if event.number != EventType.JOB_AD_INFORMATION:
        return None
    return event.attributes.get("AsimovUID")


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()


def _encoded(mark: Mark) -> bytes:
    """Return a mark as it is kept; empty where nothing in it is worth keeping."""
    states = [mark.clusters[cluster] for cluster in mark.asked if cluster in mark.clusters]
    if not any(state.ending() is None for state in states):
        # It tells of no job, or of such as have ended, which are not asked about for long.
        return b""
    plain = msgspec.msgpack.encode(mark)
    return b"z" + zlib.compress(plain, 1) if len(plain) > _LARGE else b"p" + plain
