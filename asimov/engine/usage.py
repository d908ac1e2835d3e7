"""Record the resources that finished jobs used, and sum them per analysis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from asimov.discovery.entrypoints import PluginError
from asimov.errors import SchedulerError
from asimov.journal.keys import Key
from asimov.journal.usage import Unmeasured, Usages
from asimov.project.workspace import Workspace
from asimov.scheduler import Usage

#: How figures of several attempts are combined; restarts are counted separately.
_SUMMED = ("wall_seconds", "cpu_seconds", "processes")
_LARGEST = ("memory_mb", "memory_requested_mb", "slots")


def measure(workspace: Workspace) -> None:
    """Ask the schedulers what the jobs that have ended used, and record it.

    Each scheduler gets one question. Jobs it has no figures for yet are tried in a later pass.
    """
    usages = Usages(workspace.journal)
    waiting: dict[tuple[str, str], list[Unmeasured]] = {}
    for each in usages.unmeasured():
        waiting.setdefault((each.scheduler, each.place), []).append(each)
    measured: dict[str, dict[str, Any]] = {}
    for (name, place), attempts in waiting.items():
        since = min(each.intended for each in attempts)
        try:
            scheduler = workspace.scheduler(name, place)
            found = scheduler.usage({each.job_id for each in attempts}, since)
        except (PluginError, SchedulerError):
            continue  # optional information: a later pass asks again
        measured.update(
            {
                each.uid: structs.asdict(found[each.job_id])
                for each in attempts
                if each.job_id in found
            }
        )
    if waiting:
        usages.keep(measured)


def used(workspace: Workspace, keys: Iterable[Key] | None = None) -> dict[Key, Usage]:
    """Return what analyses have used, summed over their attempts.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses; None for all.
    """
    return {key: _together(each) for key, each in Usages(workspace.journal).of(keys).items()}


def _together(attempts: list[tuple[str, dict[str, Any]]]) -> Usage:
    """Sum the figures of attempts; each attempt but the first of a stage counts as a restart."""
    figures: dict[str, Any] = {}
    for name in (*_SUMMED, *_LARGEST):
        values = [each[name] for _, each in attempts if each.get(name) is not None]
        if values:
            figures[name] = sum(values) if name in _SUMMED else max(values)
    again = len(attempts) - len({stage for stage, _ in attempts})
    restarts = again + sum(each.get("restarts", 0) for _, each in attempts)
    return Usage(**{"wall_seconds": 0.0, **figures, "restarts": restarts})


def total(usages: Iterable[Usage]) -> Usage:
    """Return the total usage of several analyses; slots are summed, memory is the maximum."""
    each = list(usages)
    slots = [one.slots for one in each if one.slots is not None]
    summed = _together([(str(number), structs.asdict(one)) for number, one in enumerate(each)])
    return structs.replace(summed, slots=sum(slots) if slots else None)
