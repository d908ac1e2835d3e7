"""Estimate how long running analyses still need, from similar earlier runs.

Similar are the finished analyses of the same pipeline and the same name (of other subjects), or, if
there are fewer than three, all of the same pipeline. The estimate is the median of their run times
less the time that the analysis has run. Without any of them there is no estimate.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from asimov.journal.keys import Key
from asimov.journal.run_times import RunTime, run_times
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

#: How many runs of the same name are needed for the name to count.
_ENOUGH = 3


#: In a project that is only read, the lengths of runs count for so many times as long as it took to
#: look them all up: they change little.
_TIMES = 20
_Lengths = dict[tuple[str, str], list[float]]
_known: weakref.WeakKeyDictionary[Workspace, tuple[float, _Lengths]] = weakref.WeakKeyDictionary()


class Estimate(NamedTuple):
    """How long an analysis may still need.

    Attributes
    ----------
    remaining
        In seconds; 0 if it has run longer than usual.
    basis
        What it rests on, as text for people.
    """

    remaining: float
    basis: str


class Experience:
    """How long the analyses of a project have run.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses that are asked for; by default all.
    """

    def __init__(self, workspace: Workspace, keys: Collection[Key] | None = None) -> None:
        self._workspace = workspace
        self._whole = keys is None
        self._entries = workspace.contents.entries
        self.run_times: Mapping[Key, RunTime] = run_times(workspace.journal, keys)
        self._medians: dict[tuple[str, str], float] = {}

    @cached_property
    def _lengths(self) -> _Lengths:
        """The lengths of runs that ended, by pipeline and name, and by pipeline."""
        until, found = _known.get(self._workspace, (0.0, {}))
        began = time.monotonic()
        if not self._workspace.reading or began > until:
            found = self._all_lengths()
            now = time.monotonic()
            _known[self._workspace] = now + _TIMES * (now - began), found
        return found

    def _all_lengths(self) -> _Lengths:
        found: _Lengths = {}
        runs = self.run_times if self._whole else run_times(self._workspace.journal)
        for key, run in runs.items():
            if (
                run.ended is not None
                and key in self._entries
                and STATES[self._workspace.status(key)].done
            ):
                length, pipeline = run.ended - run.started, self._entries[key].pipeline
                for name in (key.name, ""):
                    found.setdefault((pipeline, name), []).append(length)
        return found

    def seconds(self, key: Key) -> float | None:
        """Return how long an analysis ran, or has run until now; None if that is not known."""
        run = self.run_times.get(key)
        return None if run is None else run.seconds(clock.now())

    def estimate(self, key: Key) -> Estimate | None:
        """Return how long a running analysis may still need; None without similar earlier runs."""
        run, entry = self.run_times.get(key), self._entries.get(key)
        if run is None or entry is None:
            return None
        like = entry.pipeline, key.name
        if len(self._lengths.get(like, ())) < _ENOUGH:
            like = entry.pipeline, ""
        lengths = self._lengths.get(like)
        if not lengths:
            return None
        if like not in self._medians:
            self._medians[like] = _median(lengths)
        runs = "1 run" if len(lengths) == 1 else f"{len(lengths)} runs"
        name = f" named {like[1]}" if like[1] else ""
        usual = clock.age(self._medians[like])
        return Estimate(
            max(0.0, self._medians[like] - run.seconds(clock.now())),
            f"{runs} of {entry.pipeline}{name} took {usual} (median)",
        )


def _median(lengths: Sequence[float]) -> float:
    # The module statistics would be imported by every command that lists analyses.
    ordered, middle = sorted(lengths), len(lengths) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
