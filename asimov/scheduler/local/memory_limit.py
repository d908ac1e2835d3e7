"""Holding what uses more memory than it asked for, by a look at ``/proc``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping

from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.spool import process
from asimov.system.processes import all_processes

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

    What a program starts counts with it as long as it stays in the keeper's session. Pages that
    several processes share are counted for each.
    """
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    used: Counter[int] = Counter()
    for found in all_processes():
        if found.session in keepers and found.pid != found.session:
            used[found.session] += found.pages
    return {keeper: pages * page for keeper, pages in used.items()}
