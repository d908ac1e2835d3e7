"""Signals while a plugin's code runs: the alarm that ends it, and Ctrl-C, which is a person's.

Python hands signals to the main thread only, so the limit holds there. Code that does not come
back to the interpreter, or catches everything, is the matter of `asimov.plugins.watchdog`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType, TracebackType

#: How long a method of a pipeline may take where nothing else is configured, in seconds.
TIMEOUT = 300.0

#: How often code that catches `Overtime` is interrupted again, in seconds.
_REPEAT = 1.0
#: The longest time that the system's timer takes, as far as it matters, in seconds.
_LONGEST = 1e8

#: Handlers that plugins may leave behind.
_RESTORED = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)

_ENGINE = os.path.join(os.path.dirname(__file__), "")  # noqa: PTH118, PTH120  (compared as text)


class Overtime(BaseException):
    """Raised inside a plugin's code that has not returned in time."""


class TimeLimit:
    """The time that a plugin's code may take in a block of the main thread.

    A previous alarm goes on after the block with what is left of its time, and the handlers of
    signals are as they were.

    Parameters
    ----------
    seconds
        The time; 0 for none.

    Attributes
    ----------
    over
        Whether the time was over in the block, whatever the code made of that.
    interrupted
        Whether somebody has pressed Ctrl-C in the block.
    raised
        What the block raised.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, _LONGEST)
        self.over = False
        self.interrupted = False
        self.raised: BaseException | None = None
        self._armed = False

    def __enter__(self) -> TimeLimit:
        """Start the clock."""
        self._handlers = [signal.getsignal(each) for each in _RESTORED]
        if callable(self._handlers[0]):
            signal.signal(signal.SIGINT, self._interrupt)
        self._started = time.monotonic()
        self._armed = True
        if self.seconds:
            signal.signal(signal.SIGALRM, self._alarm)
            self._timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, _REPEAT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the clock.

        Raises
        ------
        KeyboardInterrupt
            Where Ctrl-C was pressed and the code has kept that to itself.
        """
        self._armed = False
        self.raised = error
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in zip(_RESTORED, self._handlers, strict=True):
            if before is not None and signal.getsignal(number) is not before:
                signal.signal(number, before)
        if self.seconds and self._timer[0]:
            left = self._timer[0] - (time.monotonic() - self._started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), self._timer[1])
        if self.interrupted and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        # The engine's own code, on its way into the block or out of it, is never interrupted.
        file = frame.f_code.co_filename if frame else ""
        if not file.startswith(_ENGINE) and file != contextlib.__file__:
            self.over = True
            raise Overtime(f"did not return within {self.seconds:g} s")

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        before = self._handlers[0]
        if callable(before):
            before(number, frame)
