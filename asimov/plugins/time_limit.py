"""Limit how long third-party code may run, by an alarm signal, and notice the user's Ctrl-C.

Python delivers signals to the main thread only, so the limit holds there. Code that does not return
to the interpreter, or catches everything, is left to `asimov.plugins.watchdog`.
"""

from __future__ import annotations

# Directly: the module `signal` tries to make an enumeration member of each handler, which took a
# third of the time of a call.
import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import time
from configparser import ConfigParser
from types import FrameType, TracebackType

from asimov import configuration
from asimov.errors import AsimovError

#: The default time limit of a call, in seconds.
TIMEOUT = 300.0

#: Seconds between two interruptions of code that catches `Overtime`.
_REPEAT = 1.0
#: The longest limit: the system's timer refuses much longer ones, in seconds.
_LONGEST = 1e8

#: Signals whose handlers are restored after the block.
_RESTORED = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)

_OWN_CODE = os.path.join(os.path.dirname(__file__), "")  # noqa: PTH118, PTH120  (compared as text)


class Overtime(BaseException):
    """Raised inside third-party code that has not returned in time."""


class TimeLimit:
    """The time that third-party code may take in a block of the main thread.

    After the block, an alarm of before continues with the rest of its time, and the handlers of
    signals are restored.

    Parameters
    ----------
    seconds
        The time; 0 for no limit.

    Attributes
    ----------
    over
        Whether the block exceeded the time, even if the code caught `Overtime`.
    interrupted
        Whether the user pressed Ctrl-C in the block.
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
        self._handlers = [_signal.getsignal(each) for each in _RESTORED]
        if callable(self._handlers[0]):
            _signal.signal(signal.SIGINT, self._interrupt)
        self._started = time.monotonic()
        self._armed = True
        if self.seconds:
            _signal.signal(signal.SIGALRM, self._alarm)
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
            Where the user pressed Ctrl-C and the code caught it.
        """
        self._armed = False
        self.raised = error
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in zip(_RESTORED, self._handlers, strict=True):
            if before is not None and _signal.getsignal(number) is not before:
                _signal.signal(number, before)
        if self.seconds and self._timer[0]:
            left = self._timer[0] - (time.monotonic() - self._started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), self._timer[1])
        if self.interrupted and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt

    def is_users_interrupt(self, error: BaseException) -> bool:
        """Return whether an error is the user's Ctrl-C, rather than raised by the code itself."""
        return isinstance(error, KeyboardInterrupt) and (
            self.interrupted or error is not self.raised
        )

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        # asimov's own code, on its way into the block or out of it, is never interrupted.
        file = frame.f_code.co_filename if frame else ""
        if not file.startswith(_OWN_CODE) and file != contextlib.__file__:
            self.over = True
            raise Overtime(f"did not return within {self.seconds:g} s")

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        before = self._handlers[0]
        if callable(before):
            before(number, frame)


def configured(config: ConfigParser) -> float:
    """Return ``[monitor] hook timeout``, the time limit of a call in seconds; 0 means none.

    Raises
    ------
    AsimovError
        Where the option is not a number.
    """
    return configuration.number(config, "monitor", "hook timeout", TIMEOUT)


def limit_of(config: ConfigParser, seconds: float | None = None) -> TimeLimit:
    """Return the time limit of a call.

    `asimov.plugins.crashes.report_last_crash` reports a configured limit that is not a number;
    calls then have the default time.

    Parameters
    ----------
    config
        The project's configuration.
    seconds
        The limit; by default, and at most, the configured one.
    """
    try:
        most = configured(config)
    except AsimovError:
        most = TIMEOUT
    return TimeLimit(most if seconds is None else min(seconds, most or seconds))
