"""Hold processes that use more memory than they requested, as ``/proc`` shows it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping

from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.rows import process_spec
from asimov.system.processes import all_processes

#: HTCondor's hold code for a job that exceeded its resources, and the subcode for memory.
_OUT_OF_RESOURCES, _OF_MEMORY = 34, 102


def hold_excess(queue: Queue, keepers: Mapping[int, int]) -> list[int]:
    """Hold processes that exceed their ``request_memory``; return those to end.

    Parameters
    ----------
    queue
        The queue, in a transaction.
    keepers
        The process id of the keeper of each running process.
    """
    limits = {}
    for row in queue.running():
        requested, pid = process_spec(row["spec"]).memory_mb, keepers.get(row["id"])
        if requested and pid and not row["fate"]:
            limits[pid] = (row, requested)
    end = []
    for pid, used in (resident(limits) if limits else {}).items():
        row, requested = limits[pid]
        if used > requested:
            queue.record_memory(row, used)
            reason = f"memory usage exceeded request_memory: {used:.0f} MB of {requested} MB"
            if queue.hold(row, reason, _OUT_OF_RESOURCES, _OF_MEMORY):
                end.append(row["id"])
    return end


def resident(keepers: Collection[int]) -> dict[int, float]:
    """Return the resident memory of what keepers started, in MB, by the keeper's process id.

    A program's children count with it as long as they stay in the keeper's session. Pages that
    several processes share are counted for each of them.
    """
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    used: Counter[int] = Counter()
    for found in all_processes():
        if found.session in keepers and found.pid != found.session:
            used[found.session] += found.pages
    return {keeper: pages * page for keeper, pages in used.items()}
