"""Follow event logs as they grow, and work out from them what happened to jobs.

For each log a bookmark holds how far it was read and what it says about the clusters asked for.
Checking an unchanged log costs one ``stat``; a changed one is opened, read on, and closed, so that
at most one file is open at a time however many logs there are.

A log may be rotated, truncated, rewritten or deleted between two checks. If the bytes before the
offset have changed, the log is read from its beginning again. That is harmless: `ClusterState`
accepts events that it already knows. What was read of a log that is gone stays known.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from asimov.scheduler.contract import BookmarkStore
from asimov.scheduler.htcondor.cluster_state import ClusterState
from asimov.scheduler.htcondor.log_bookmark import Bookmark, decoded
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.languages.dag_outputs import DAGMAN_LOG
from asimov.scheduler.languages.event_log import split_events
from asimov.scheduler.observations import Observation

#: Bytes to read at once.
_BLOCK = 1 << 20
#: The longest event, in bytes; limits what is read again of a file that is not an event log.
_EVENT = 1 << 16
#: How many bytes before the offset identify a log.
_TAIL = 128
#: Suffixes that programs give to a rotated log.
_ROTATED = (".old", ".1")
#: Forget logs no longer asked about once there are this many times as many as are asked about.
_SPARE = 4


class _Log:
    """A log's bookmark, and what only this process knows about the file."""

    __slots__ = ("bookmark", "changed", "fault", "round", "stamp", "stored")

    def __init__(self, bookmark: Bookmark) -> None:
        self.bookmark = bookmark
        #: Whether the store has the bookmark.
        self.stored = bookmark.inode != 0
        #: Size, modification time and inode at the last check; None where it must be opened.
        self.stamp: tuple[int, int, int] | None = None
        self.fault: str | None = None
        #: The round in which it was last checked.
        self.round = 0
        self.changed = False


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """What its event logs say about a ticket's job.

    Attributes
    ----------
    cluster, state
        The job; both None where no log mentions it.
    doubt
        Why the logs may be incomplete: one can't be read, or has vanished.
    unread
        Whether a log exists and can't be read: it may say more later.
    """

    cluster: int | None = None
    state: ClusterState | None = None
    doubt: str | None = None
    unread: bool = False


class LogFollower:
    """Reads event logs on from where it last stopped.

    Parameters
    ----------
    store
        Keeps bookmarks between processes. They are a cache: without a store every process reads
        logs from their beginning.
    """

    def __init__(self, store: BookmarkStore | None) -> None:
        self._store = store
        self._stored: dict[str, bytes] | None = None
        self._logs: dict[str, _Log] = {}
        self._totals: dict[int, int] = {}
        self._round = 0
        #: What was last reported about each attempt, from any source, and what its logs last
        #: said: news is what differs from both.
        self.reported: dict[str, Observation] = {}
        self.by_log: dict[str, Observation] = {}

    def expect(self, cluster: int, total: int) -> None:
        """Learn from another source how many processes a cluster was submitted with."""
        self._totals[cluster] = total

    def look(self, tickets: Sequence[Ticket]) -> dict[str, LogEvidence]:
        """Read what was added to the logs of some tickets.

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
        found = {ticket.uid: self._evidence(ticket, asking) for ticket in tickets}
        self._save()
        self._forget(tickets, len(asking))
        return found

    # --- one ticket

    def _evidence(self, ticket: Ticket, asking: dict[str, list[Ticket]]) -> LogEvidence:
        cluster, state, doubt = ticket.job_id, None, None
        unread = False
        # First a log that is known to have the job, or DAGMan's own: the nodes of a DAG may have
        # thousands of logs.
        for path in self._in_order(ticket):
            log = self._look(path, asking[path])
            if log.fault:
                doubt = f"event log {path}: {log.fault}"
                unread = unread or os.path.lexists(path)
            mine = max(log.bookmark.tops.get(ticket.uid, ()), default=None)
            if ticket.job_id is None and mine is not None and mine > (cluster or 0):
                cluster, state = mine, None  # the newest: a pipeline may have submitted several
            found = log.bookmark.clusters.get(cluster) if cluster is not None else None
            if found is None or cluster is None or found.uid not in (None, ticket.uid):
                continue
            found.expect(self._totals.get(cluster, 0))
            if path.endswith(DAGMAN_LOG):
                found.expect(1)
            if ticket.job_id is not None and found.sure and not log.fault:
                return LogEvidence(cluster, found)
            state = found if state is None else state.merge(found)
        return LogEvidence(cluster if state else None, state, doubt, unread)

    def _in_order(self, ticket: Ticket) -> Sequence[str]:
        def unlikely(path: str) -> bool:
            log = self._logs.get(path)
            known = log is not None and ticket.job_id in log.bookmark.clusters
            return not (known or path.endswith(DAGMAN_LOG))

        if len(ticket.logs) < 2:
            return ticket.logs
        return sorted(dict.fromkeys(ticket.logs), key=unlikely)

    # --- one log

    def _look(self, path: str, tickets: Iterable[Ticket]) -> _Log:
        log = self._logs.get(path)
        if log is None:
            log = self._logs[path] = _Log(self._loaded(path))
        if log.round == self._round:
            return log
        log.round = self._round
        if log.bookmark.ask(tickets):
            log.bookmark.offset, log.bookmark.tail, log.stamp, log.changed = 0, b"", None, True
        try:
            self._read_on(path, log)
            log.fault = None
        except OSError as error:
            log.stamp = None
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            # A log that never existed is no fault: the submission creates it.
            known = bool(log.bookmark.clusters or log.bookmark.tops)
            log.fault = None if missing and not known else error.strerror
        return log

    def _read_on(self, path: str, log: _Log) -> None:
        mark = log.bookmark
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
            log.stamp = stamp  # a folder, or a pipe, which might block for ever when opened
            return
        if mark.inode not in (0, now.st_ino):
            self._read_rotated(path, log)
            mark.offset = 0
        mark.inode = now.st_ino
        self._read(path, log, restart=True)
        log.stamp = stamp

    def _read_rotated(self, path: str, log: _Log) -> None:
        """Read the rest of a log that was renamed."""
        for end in _ROTATED:
            try:
                if os.stat(path + end).st_ino == log.bookmark.inode:  # noqa: PTH116
                    self._read(path + end, log, restart=False)
                    return
            except OSError:
                continue

    def _read(self, path: str, log: _Log, *, restart: bool) -> None:
        """Read from the bookmark to the end.

        Where the bookmark does not fit the file, `restart` from the beginning, or read nothing.
        """
        mark = log.bookmark
        while True:
            # Possibly several times: a tag may reveal its cluster late in the log.
            found = False
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  (as above)
                # Of a truncated log there are fewer bytes to digest.
                if mark.offset and self._digest_at(stream.fileno(), mark.offset) != mark.tail:
                    if not restart:
                        return
                    mark.offset = 0
                stream.seek(mark.offset)
                while block := stream.read(_BLOCK):
                    events, used = split_events(block)
                    for event in events:
                        found |= mark.take(event)
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

    # --- bookmarks

    def _loaded(self, path: str) -> Bookmark:
        if self._stored is None:
            self._stored = {} if self._store is None else self._store.load()
        return decoded(self._stored.pop(path, b""))

    def _save(self) -> None:
        changed: dict[str, bytes] = {}
        for path, log in self._logs.items():
            if log.changed and self._store is not None:
                data = log.bookmark.encoded()
                if data or log.stored:
                    changed[path] = data
                log.stored = bool(data)
            log.changed = False
        if self._store is not None and changed:
            self._store.save(changed)

    def _forget(self, tickets: Sequence[Ticket], logs: int) -> None:
        """Forget what has not been asked about for long, so that a long watch does not grow."""
        if len(self._logs) > _SPARE * (logs + 256):
            recent = [(path, log) for path, log in self._logs.items() if log.round == self._round]
            self._logs = dict(recent)
        if len(self._totals) > _SPARE * (len(tickets) + 256):
            asked = {ticket.job_id for ticket in tickets}
            self._totals = {each: n for each, n in self._totals.items() if each in asked}
        if len(self.reported) > _SPARE * (len(tickets) + 256):
            uids = {ticket.uid for ticket in tickets}
            self.reported = {uid: each for uid, each in self.reported.items() if uid in uids}
            self.by_log = {uid: each for uid, each in self.by_log.items() if uid in uids}


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()
