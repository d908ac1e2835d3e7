"""Events of HTCondor's user event log: their types, and the values in one event.

Source of the numbers and the words: HTCondor's manual, "Managing a Job: Job Event Log Codes", and
logs written by HTCondor 25 (``tests/scheduler/languages/data/htcondor-25.log``).
"""

from __future__ import annotations

import re
from enum import IntEnum

import msgspec


class EventType(IntEnum):
    """The event types that asimov understands, by HTCondor's numbers."""

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


_RETURN = re.compile(r"\(1\) Normal termination \(return value (-?\d+)\)")
_SIGNAL = re.compile(r"\(0\) Abnormal termination \(signal (\d+)\)")
_CODE = re.compile(r"Code (\d+) Subcode (-?\d+)")
_NODE = re.compile(r"DAG Node: (.*)")
_USAGE = re.compile(
    r"Usr (\d+) (\d+):(\d+):(\d+), Sys (\d+) (\d+):(\d+):(\d+)  -  Total Remote Usage$"
)
_TABLE = re.compile(r"Memory \(MB\)\s*:\s+(\d+)\s+(\d+)\s+\d+")
_MEMORY = re.compile(rf"{_TABLE.pattern}|(\d+)\s+-\s+MemoryUsage of job")
_REASON_LINE = {EventType.ABORTED, EventType.HELD, EventType.RELEASED, EventType.SHADOW_EXCEPTION}


class Event(msgspec.Struct, frozen=True):
    """One event of a log.

    Attributes
    ----------
    number
        HTCondor's number of the event type, an `EventType` or any other.
    cluster, proc, subproc
        The process; -1 for a POST script of a node that submitted nothing.
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
        """The return value in a termination event; None where a signal ended the process."""
        return self._number(_RETURN)

    @property
    def signal(self) -> int | None:
        """The signal in a termination event; None where the process returned."""
        return self._number(_SIGNAL)

    @property
    def code(self) -> int | None:
        """The code of the reason why the job was held or evicted."""
        match = _CODE.search(self.text)
        return int(match[1]) if match else self._number(_CODE)

    @property
    def subcode(self) -> int | None:
        """The subcode of the reason why the job was held."""
        return self._number(_CODE, 2)

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
        """The attributes in an event 028, as text; ClassAd strings without their quotes."""
        if self.number != EventType.JOB_AD_INFORMATION:
            return {}
        pairs = (line.partition(" = ") for line in self.lines)
        return {name: _unquoted(value) for name, equals, value in pairs if equals}

    @property
    def node(self) -> str | None:
        """The DAG node in a POST script event."""
        match = self._first(_NODE)
        return match[1] if match else None

    @property
    def cpu_seconds(self) -> float | None:
        """User and system time of all runs in a termination event, in seconds."""
        match = self._first(_USAGE)
        if match is None:
            return None
        days, hours, minutes, seconds = (int(match[i]) + int(match[i + 4]) for i in range(1, 5))
        return float(86400 * days + 3600 * hours + 60 * minutes + seconds)

    @property
    def memory_requested_mb(self) -> float | None:
        """The memory request in a termination or eviction event, in MB."""
        match = self._first(_TABLE)
        return float(match[2]) if match else None

    @property
    def memory_mb(self) -> float | None:
        """The resident size in an event, in MB."""
        match = self._first(_MEMORY)
        return float(match[1] or match[3]) if match else None

    def _number(self, pattern: re.Pattern[str], group: int = 1) -> int | None:
        match = self._first(pattern)
        return int(match[group]) if match else None

    def _first(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return next((match for line in self.lines if (match := pattern.match(line))), None)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"')
    return value
