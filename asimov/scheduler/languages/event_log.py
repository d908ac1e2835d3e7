"""Read HTCondor's user event log, whichever scheduler wrote it.

Source of the format: HTCondor's manual, "Managing a Job: Job Event Log Codes", and logs written
by HTCondor 25 (``tests/scheduler/languages/data/htcondor-25.log``). An event is a line
``005 (001.000.000) 2026-11-20 22:02:13 Job terminated.``, body lines, and a line ``...``.
Logs can repeat and lack events; only "submitted" certainly comes before "terminated".
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from asimov.scheduler.languages.events import Event

_HEAD = re.compile(r"(\d{3}) \((-?\d+)\.(-?\d+)\.(-?\d+)\) (\S+ \S+|\S+T\S+) ?(.*)")


def find_event_logs(rundir: Path) -> list[str]:
    """Return the files in a run directory and its subfolders that may be event logs."""
    found: list[str] = []
    try:
        with os.scandir(rundir) as entries:
            for entry in entries:
                if entry.name.endswith(".log"):
                    found.append(entry.path)
                elif entry.is_dir():
                    with os.scandir(entry.path) as inner:
                        found += [each.path for each in inner if each.name.endswith(".log")]
    except OSError:
        return found
    return sorted(found)


def read_events(path: str | Path, offset: int = 0) -> tuple[list[Event], int]:
    """Read a log from an offset on.

    Parameters
    ----------
    path
        The log; a missing one holds no events.
    offset
        Where to start, in bytes: 0, or what an earlier call returned. A log that is now shorter was
        replaced and is read from its beginning.

    Returns
    -------
    tuple
        The whole events, and the offset after the last of them: an event that is still being
        written is left for the next call. Other text between events is ignored.

    Raises
    ------
    OSError
        Where the log exists and can't be read.
    """
    try:
        with Path(path).open("rb") as stream:
            if offset and offset > os.fstat(stream.fileno()).st_size:
                offset = 0
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], 0
    events, used = split_events(data)
    return list(events), offset + used


def split_events(data: bytes) -> tuple[Iterator[Event], int]:
    """Return the whole events in a part of a log, and how many bytes they end after.

    Parameters
    ----------
    data
        The bytes; an incomplete event at their end is left.
    """
    end = 4 if data[:4] == b"...\n" else 0
    last = data.rfind(b"\n...\n")
    if last >= 0:
        end = last + 5
    return _events(data[:end].decode(errors="replace").split("\n")), end


def _events(lines: Iterable[str]) -> Iterator[Event]:
    head: re.Match[str] | None = None
    body: list[str] = []
    for line in lines:
        # The cheap test first: most lines are body lines, or not of an event log at all.
        match = _HEAD.fullmatch(line) if line[3:5] == " (" else None
        if match:  # also after an event that was cut off when its writer crashed
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
    # ISO dates are HTCondor's default since 8.9 (local time unless marked); before, "11/20".
    with suppress(ValueError):
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    with suppress(ValueError):
        year = time.localtime().tm_year
        return datetime.strptime(f"{year}/{text}", "%Y/%m/%d %H:%M:%S").timestamp()
    return None
