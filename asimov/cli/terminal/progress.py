"""Progress bars on standard error, for work that takes more than two seconds on a terminal.

The bar is the last line of the terminal, and is gone when the work is done. There is no thread:
commands fork, and a thread would not survive that.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asimov.system import progress

#: After how many seconds a bar appears, and how many pass between two drawings of it.
_PATIENCE = 2.0
_PAUSE = 0.1
_WIDTH = 24
_CLEAR = "\r\x1b[K"


class Bar:
    """The bar of one piece of work.

    Parameters
    ----------
    what
        What is done.
    total
        To how many items.
    write
        Writes to the terminal.
    """

    def __init__(self, what: str, total: int, write: Callable[[str], None]) -> None:
        self._what, self._total, self._write = what, total, write
        self._done = 0
        self._began = self._drawn = time.monotonic()
        self._visible = False

    def step(self) -> None:
        """Count an item as done; draw the bar if it is time to."""
        self._done += 1
        now = time.monotonic()
        if now - self._began >= _PATIENCE and now - self._drawn >= _PAUSE:
            self._drawn = now
            self._visible = True
            width = shutil.get_terminal_size().columns - 1
            self._write(_CLEAR + self.line(now - self._began)[:width])

    def line(self, seconds: float) -> str:
        """Return the bar, with the time that is left if all items take as long.

        Parameters
        ----------
        seconds
            The time so far.
        """
        full = _WIDTH * self._done // max(self._total, 1)
        left = round(seconds / self._done * (self._total - self._done)) if self._done else 0
        drawn = f"[{'=' * full}{' ' * (_WIDTH - full)}]"
        about = f"{left // 60}:{left % 60:02} left"
        return f"{self._what} {drawn} {self._done}/{self._total}  {about}"

    def clear(self) -> None:
        """Remove the bar; the next item draws it again."""
        if self._visible:
            self._write(_CLEAR)
            self._visible = False


class _Terminal:
    """The terminal of this process, and the bar on it."""

    bar: Bar | None = None
    #: Standard error as it was at first: bars get past what keeps the output of plugins away.
    file: int | None = None


def clear() -> None:
    """Remove the bar, if one is drawn, because a line is about to be printed."""
    if _Terminal.bar is not None:
        _Terminal.bar.clear()


def show_progress() -> None:
    """Draw bars from now on, if standard error is a terminal."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        if _Terminal.file is None:
            _Terminal.file = os.dup(sys.stderr.fileno())
        progress.listen(_drawn)


@contextmanager
def _drawn(what: str, total: int) -> Iterator[Callable[[], None]]:
    bar = _Terminal.bar = Bar(what, total, _write)
    try:
        yield bar.step
    finally:
        bar.clear()
        _Terminal.bar = None


def _write(text: str) -> None:
    assert _Terminal.file is not None
    try:
        os.write(_Terminal.file, text.encode())
    except OSError:
        progress.listen(None)  # the terminal is gone, which is no reason to fail
