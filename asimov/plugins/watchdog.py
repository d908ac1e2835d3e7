"""Restart the asimov command without a plugin's call that hangs and can't be interrupted.

A thread notices that a call has exceeded its time limit and the grace period after it, records
that, and replaces the process: the command starts again, and skips that call. Nothing is lost, as
with any other death of the process. Code that stops even threads, by holding the interpreter's
lock, gets the process killed a little later; that counts as a death.

It works for asimov's own commands only: another program is not asimov's to restart.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from contextlib import closing, suppress
from typing import NamedTuple

from asimov.errors import ReportedError
from asimov.journal.journal import Journal
from asimov.journal.leases import give_back_all
from asimov.plugins.crashes import Call, CallLog
from asimov.plugins.output import Capture
from asimov.system.supervision import command

#: How often it looks, in seconds.
_TICK = 1.0


class Watched(NamedTuple):
    """A call being watched: its log, its time limit in seconds, and when it is given up."""

    call: Call
    calls: CallLog
    capture: Capture
    seconds: float
    deadline: float


class Watchdog(threading.Thread):
    """Watches the calls of this process, one at a time.

    Attributes
    ----------
    watched
        The running call, or None.
    """

    def __init__(self) -> None:
        super().__init__(name="asimov watchdog", daemon=True)
        self.watched: Watched | None = None
        # For the interpreter's traceback: what a plugin prints to descriptor 2 is captured.
        self._stderr = os.dup(2)
        self._armed = 0.0

    def run(self) -> None:
        """Check the running call about once a second, until the process ends."""
        pause = 0.1
        while True:
            time.sleep(pause)
            watched = self.watched
            if watched is None:
                if self._armed:
                    faulthandler.cancel_dump_traceback_later()
                self._armed = 0.0
                continue
            pause = min(_TICK, watched.seconds / 5)
            if time.monotonic() > watched.deadline:
                self._give_up(watched)
            self._arm(watched)

    def watch(self, watched: Watched) -> None:
        """Watch a call that is about to start."""
        self.watched = watched
        if time.monotonic() - self._armed > _TICK:
            self._arm(watched)

    def _arm(self, watched: Watched) -> None:
        """Set a timer in the interpreter that kills the process unless it is set again in time."""
        late = watched.seconds + 2 * grace(watched.seconds) + _TICK
        faulthandler.dump_traceback_later(late, exit=True, file=self._stderr)
        self._armed = time.monotonic()

    def _give_up(self, watched: Watched) -> None:
        if self.watched is not watched:
            return  # it has just returned
        watched.calls.hangs(watched.call, watched.seconds)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)  # it would outlive this program in the process
        watched.capture.restore()
        # The next program has this process's number and start time, and would pass for the holder.
        with suppress(ReportedError), closing(Journal(watched.calls.journal.path)) as journal:
            give_back_all(journal, watched.calls.token or "")
        command.again()


def grace(seconds: float) -> float:
    """Return how long a call may continue after it was interrupted, in seconds."""
    return min(10.0, 2 * seconds)


_watchdog: Watchdog | None = None


def watch(watched: Watched) -> None:
    """Watch a call, if this process runs a command of asimov."""
    global _watchdog  # noqa: PLW0603  (a process has one)
    if not command.is_command():
        return
    if _watchdog is None or not _watchdog.is_alive():  # a fork does not copy threads
        _watchdog = Watchdog()
        _watchdog.start()
    _watchdog.watch(watched)


def unwatch() -> None:
    """Stop watching."""
    if _watchdog is not None:
        _watchdog.watched = None
