"""Process several lists of runs at once, each in a process of its own, and wait for all."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import wait

from asimov.phases.one_run import Failure
from asimov.phases.pipeline import Pipeline
from asimov.phases.process import RunProcess, Watcher, Work

#: How long a message of a phase may wait to be taken, in seconds.
_PATIENCE = 0.05


def run_stacks(
    pipeline: Pipeline,
    stacks: Sequence[Sequence[int]],
    works: Sequence[Work],
    watchers: Sequence[Watcher],
) -> list[Failure]:
    """Send runs through the phases; return those that failed, by number.

    Parameters
    ----------
    pipeline
        The pipeline, as this process has it.
    stacks
        The runs of each process, in order.
    works, watchers
        What each process needs, and what receives its reports.
    """
    processes: list[RunProcess] = []
    try:
        for stack, work, watcher in zip(stacks, works, watchers, strict=True):
            processes.append(RunProcess(pipeline, work, stack, watcher))
        left = list(processes)
        while left := [each for each in left if not each.is_over()]:
            wait([each.reports for each in left], _PATIENCE)
    finally:
        for each in processes:
            each.close()
    failures = [failure for each in processes for failure in each.failures]
    return sorted(failures, key=lambda failure: failure.run)
