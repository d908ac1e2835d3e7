"""Tell the time, and write times as text; a test can replace the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_read: Callable[[], float] = time.time


def now() -> float:
    """Return the time, in seconds since the epoch."""
    return _read()


def iso(seconds: float | None = None) -> str:
    """Return a time as ISO 8601 in UTC, to the second; by default the time now.

    A time that no calendar has, of a damaged journal, is returned in seconds.

    Examples
    --------
    >>> iso(0), iso(1e300)
    ('1970-01-01T00:00:00Z', '1e+300 s')
    """
    moment = now() if seconds is None else seconds
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (OverflowError, ValueError, OSError):
        return f"{moment:g} s"


def age(seconds: float) -> str:
    """Return a length of time in short: ``42s``, ``3m``, ``5h`` or ``2d``.

    Parameters
    ----------
    seconds
        The length; less than zero counts as zero.
    """
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


@contextmanager
def replaced(read: Callable[[], float]) -> Iterator[None]:
    """Read the time from a function within the block.

    Parameters
    ----------
    read
        Returns the time, in seconds since the epoch.
    """
    global _read  # noqa: PLW0603  (one clock for the process)
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
