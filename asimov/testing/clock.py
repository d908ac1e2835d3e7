"""A clock that stands still until a test advances it; asimov takes the time from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from asimov.system import clock

#: Seconds by which each reading advances, so that no two events have the same time.
_STEP = 1e-6


class Clock:
    """A clock that stands still until a test advances it.

    Parameters
    ----------
    start
        The initial time in seconds since the epoch; by default the current time.
    """

    def __init__(self, start: float | None = None) -> None:
        self.now = time.time() if start is None else float(start)

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds

    def time(self) -> float:
        """Return the time, in seconds since the epoch."""
        self.now += _STEP
        return self.now

    @contextmanager
    def in_control(self) -> Iterator[Clock]:
        """Use this clock for asimov's timestamps and pauses within the block.

        Python's own `time` is left as it is, and so are leases, which other processes hold too,
        and the times of jobs, which are their scheduler's.
        """
        with clock.replaced(self.time):
            yield self
