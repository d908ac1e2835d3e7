"""Time under control: what asimov's timestamps and pauses go by, for a test to move on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

#: The modules that read the time of day for a timestamp or a pause. The lease is left out, since
#: other processes hold it too, and so are schedulers: a job's times are its scheduler's.
MODULES = (
    "asimov.engine.attempts",
    "asimov.engine.build",
    "asimov.plugins.crashes",
    "asimov.engine.explain",
    "asimov.engine.failures",
    "asimov.engine.holds",
    "asimov.plugins.labels",
    "asimov.engine.observe",
    "asimov.engine.status",
    "asimov.project.facts",
    "asimov.journal.journal",
    "asimov.journal.hold_attempts",
    "asimov.journal.usage",
    "asimov.project.storage.store",
    "asimov.testing.recording",
)

#: How much later each reading is than the one before, in seconds: what happens later is later.
_STEP = 1e-6


class Clock:
    """A clock that stands still until it is moved on.

    Parameters
    ----------
    start
        The time that it shows, in seconds since the epoch; by default the time of day.
    """

    def __init__(self, start: float | None = None) -> None:
        self.now = time.time() if start is None else float(start)

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self.now += seconds

    def time(self) -> float:
        """Return the time, in seconds since the epoch."""
        self.now += _STEP
        return self.now

    @contextmanager
    def in_control(self) -> Iterator[Clock]:
        """Have asimov's timestamps and pauses go by this clock within the block.

        Python's own `time` is left as it is: the modules of `MODULES` are given another.
        """
        stand_in = _Time(self)
        modules: list[Any] = [import_module(name) for name in MODULES]
        before = [module.time for module in modules]
        try:
            for module in modules:
                module.time = stand_in
            yield self
        finally:
            for module, its_own in zip(modules, before, strict=True):
                module.time = its_own


class _Time:
    """The standard module `time`, but for the time of day."""

    def __init__(self, clock: Clock) -> None:
        self.time = clock.time

    def gmtime(self, seconds: float | None = None) -> time.struct_time:
        return time.gmtime(self.time() if seconds is None else seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
