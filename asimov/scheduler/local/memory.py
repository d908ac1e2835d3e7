"""Holding what uses more memory than it asked for, by a look at ``/proc``.

Source of the format: proc(5), /proc/PID/stat.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.spool import process

#: After the program's name: the parent, the session, and the resident pages.
_PARENT, _SESSION, _PAGES = 1, 3, 21
#: HTCondor's hold code of a job that went over what it was given, and its subcode for memory.
_OUT_OF_RESOURCES, _OF_MEMORY = 34, 102


def hold_excess(queue: Queue, keepers: Mapping[int, int]) -> list[int]:
    """Hold processes that are over their ``request_memory``; return those to be ended.

    Parameters
    ----------
    queue
        The queue, in a transaction.
    keepers
        The process id of the keeper of each process that runs.
    """
    limits = {}
    for row in queue.running():
        asked, pid = process(row["spec"]).memory_mb, keepers.get(row["id"])
        if asked and pid and not row["fate"]:
            limits[pid] = (row, asked)
    end = []
    for pid, used in (resident(limits) if limits else {}).items():
        row, asked = limits[pid]
        if used > asked:
            queue.saw_memory(row, used)
            reason = f"memory usage exceeded request_memory: {used:.0f} MB of {asked} MB"
            if queue.hold(row, reason, _OUT_OF_RESOURCES, _OF_MEMORY):
                end.append(row["id"])
    return end


def resident(keepers: Collection[int]) -> dict[int, float]:
    """Return the resident memory of what keepers have started, in MB, by the keeper's process id.

    A program is the leader of a session of its own; what it starts counts with it as long as it
    stays in the session. Pages that several processes share are counted for each.
    """
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    used: Counter[int] = Counter()
    leaders: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it may end while it is looked at
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            used[int(fields[_SESSION])] += int(fields[_PAGES])
            if int(fields[_PARENT]) in keepers:
                leaders[int(fields[_PARENT])] = int(entry.name)
    return {keeper: used[leader] * page for keeper, leader in leaders.items()}
