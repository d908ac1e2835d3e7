"""HTCondor's user event log: reading it, whoever wrote it.

Source of the format: HTCondor's manual, "Managing a Job: Job Event Log Codes", and logs written
by HTCondor 25 (``tests/scheduler/data/htcondor-25.log``). An event is a line
``005 (001.000.000) 2026-11-20 22:02:13 Job terminated.``, body lines, and a line ``...``.
Logs can repeat and lack events; only "submitted" is sure to stand before "terminated".
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

from asimov.scheduler.contract import Progress


class EventType(IntEnum):
    """The events that asimov understands, by HTCondor's numbers; others keep their number only."""

    SUBMIT = 0
    EXECUTE = 1
    EXECUTABLE_ERROR = 2
    EVICTED = 4
    TERMINATED = 5
    IMAGE_SIZE = 6
    SHADOW_EXCEPTION = 7
    ABORTED = 9
    HELD = 12
    RELEASED = 13
    POST_SCRIPT_TERMINATED = 16
    RECONNECT_FAILED = 24
    JOB_AD_INFORMATION = 28
    CLUSTER_SUBMIT = 35
    CLUSTER_REMOVE = 36


_HEAD = re.compile(r"(\d{3}) \((-?\d+)\.(-?\d+)\.(-?\d+)\) (\S+ \S+|\S+T\S+) ?(.*)")
_RETURN = re.compile(r"\(1\) Normal termination \(return value (-?\d+)\)")
_SIGNAL = re.compile(r"\(0\) Abnormal termination \(signal (\d+)\)")
_CODE = re.compile(r"Code (\d+) Subcode (-?\d+)")
_USAGE = re.compile(r"Usr (\d+) (\d+):(\d+):(\d+), Sys (\d+) (\d+):(\d+):(\d+)  -  (.+)")
_MEMORY = re.compile(r"Memory \(MB\)\s*:\s+(\d+)\s+\d+\s+\d+|(\d+)\s+-\s+MemoryUsage of job")
_REASON_LINE = {EventType.ABORTED, EventType.HELD, EventType.RELEASED, EventType.SHADOW_EXCEPTION}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a log.

    Attributes
    ----------
    number
        HTCondor's number of the event's type, an `EventType` or any other.
    cluster, proc, subproc
        Whose event it is; -1 for a POST script of a node that submitted nothing.
    time
        In seconds since the epoch; None where it can't be read.
    text
        The rest of the first line.
    lines
        The body, without the indentation.
    """

    number: int
    cluster: int
    proc: int
    time: float | None
    text: str = ""
    lines: tuple[str, ...] = ()
    subproc: int = 0

    @property
    def exit_code(self) -> int | None:
        """The return value in an event of termination; None where a signal ended it."""
        return self._number(_RETURN)

    @property
    def signal(self) -> int | None:
        """The signal in an event of termination; None where the process returned."""
        return self._number(_SIGNAL)

    @property
    def code(self) -> int | None:
        """The reason's code, of a job that was held or evicted."""
        match = _CODE.search(self.text)
        return int(match[1]) if match else self._number(_CODE)

    @property
    def reason(self) -> str | None:
        """Why the job was held, released, aborted or evicted, in words."""
        for line in self.lines:
            if line.startswith("Reason: "):
                return line[len("Reason: ") :]
        if self.number in _REASON_LINE and self.lines and not _CODE.match(self.lines[0]):
            return self.lines[0]
        return None

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of an event 028, as text; ClassAd strings are without their quotes."""
        if self.number != EventType.JOB_AD_INFORMATION:
            return {}
        pairs = (line.partition(" = ") for line in self.lines)
        return {name: _unquoted(value) for name, equals, value in pairs if equals}

    @property
    def node(self) -> str | None:
        """The DAG node in an event of a POST script."""
        for line in self.lines:
            if line.startswith("DAG Node: "):
                return line[len("DAG Node: ") :]
        return None

    @property
    def cpu_seconds(self) -> float | None:
        """User and system time in an event of termination, of all runs together, in seconds."""
        for line in self.lines:
            match = _USAGE.match(line)
            if match and match[9] == "Total Remote Usage":
                n = [int(match[i]) for i in range(1, 9)]
                days, hours, minutes, seconds = (n[i] + n[i + 4] for i in range(4))
                return float(86400 * days + 3600 * hours + 60 * minutes + seconds)
        return None

    @property
    def memory_mb(self) -> float | None:
        """The resident size that an event tells, in MB."""
        for line in self.lines:
            match = _MEMORY.match(line)
            if match:
                return float(match[1] or match[2])
        return None

    def _number(self, pattern: re.Pattern[str]) -> int | None:
        for line in self.lines:
            match = pattern.match(line)
            if match:
                return int(match[1])
        return None


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"')
    return value


def read_events(path: str | Path, offset: int = 0) -> tuple[list[Event], int]:
    """Read a log from a place in it.

    Parameters
    ----------
    path
        The log; one that is not there holds no events.
    offset
        Where to begin, in bytes: 0, or what an earlier call returned. A log that has become
        shorter than that was replaced and is read from its beginning.

    Returns
    -------
    tuple
        The whole events, and the offset behind the last of them: an event that is still being
        written is left for the next call. Text between events that is none is passed over.

    Raises
    ------
    OSError
        Where the log is there and can't be read.
    """
    try:
        with Path(path).open("rb") as stream:
            if offset and offset > os.fstat(stream.fileno()).st_size:
                offset = 0
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], 0
    end = 4 if data[:4] == b"...\n" else 0
    last = data.rfind(b"\n...\n")
    if last >= 0:
        end = last + 5
    return list(_events(data[:end].decode(errors="replace").split("\n"))), offset + end


def _events(lines: Iterable[str]) -> Iterator[Event]:
    head: re.Match[str] | None = None
    body: list[str] = []
    for line in lines:
        match = _HEAD.fullmatch(line)
        if match:  # also where the event before it was cut off by a crash of its writer
            head, body = match, []
        elif line == "...":
            if head:
                number, cluster, proc, subproc = (int(head[i]) for i in range(1, 5))
                when = _seconds(head[5])
                yield Event(number, cluster, proc, when, head[6], tuple(body), subproc)
            head = None
        elif head:
            body.append(line.strip())


@lru_cache(maxsize=256)
def _seconds(text: str) -> float | None:
    # ISO dates are HTCondor's default since 8.9 (local time unless marked); before it "11/20".
    with suppress(ValueError):
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    with suppress(ValueError):
        year = time.localtime().tm_year
        return datetime.strptime(f"{year}/{text}", "%Y/%m/%d %H:%M:%S").timestamp()
    return None


def tagged_clusters(events: Iterable[Event], attribute: str, value: str) -> set[int]:
    """Return the clusters whose events 028 carry an attribute with a value."""
    return {
        event.cluster
        for event in events
        if event.number == EventType.JOB_AD_INFORMATION and event.attributes.get(attribute) == value
    }


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cluster ended, by its log.

    Attributes
    ----------
    exit_code
        Of the processes: the first by number that is not 0, or 0; None where one was removed or
        ended by a signal and none returned anything but 0.
    signal
        The first signal that ended a process.
    removed
        Whether a process was removed.
    """

    exit_code: int | None
    signal: int | None
    removed: bool
    ended_at: float | None
    reason: str | None
    progress: Progress


def ending(events: Iterable[Event], cluster: int, processes: int | None = None) -> Ending | None:
    """Return how a cluster ended; None where the log does not say that all of it did.

    Parameters
    ----------
    events
        All events of the cluster's log, other clusters' among them or not.
    cluster
        The cluster.
    processes
        How many it has, where that is known; otherwise those that the log shows.
    """
    seen: set[int] = set()
    final: dict[int, Event] = {}
    several = closed = False  # a cluster that is made bit by bit (late materialization)
    for event in events:
        if event.cluster != cluster:
            continue
        if event.number == EventType.CLUSTER_SUBMIT:
            several = True
        elif event.number == EventType.CLUSTER_REMOVE:
            closed = True
        elif event.proc >= 0:
            seen.add(event.proc)
            if event.number in (EventType.TERMINATED, EventType.ABORTED):
                # A process that terminated can't be aborted: the event that came first stands.
                final.setdefault(event.proc, event)
    if not final or len(final) < max(len(seen), processes or 0) or (several and not closed):
        return None
    ends = [final[proc] for proc in sorted(final)]
    codes = [end.exit_code for end in ends]
    aborted = [end for end in ends if end.number == EventType.ABORTED]
    done = codes.count(0)
    code = next((c for c in codes if c), None if None in codes else 0)
    return Ending(
        exit_code=code,
        signal=next((end.signal for end in ends if end.signal is not None), None),
        removed=bool(aborted),
        ended_at=max((end.time for end in ends if end.time is not None), default=None),
        reason=aborted[0].reason if aborted else None,
        progress=Progress(total=len(ends), done=done, failed=len(ends) - done),
    )
