"""The last resort for a plugin that does not return and can't be interrupted.

A thread sees that a call has outlived its time and the grace after it, writes that down, and
replaces the process by itself: the command begins again, and leaves that call alone. Nothing is
lost by that, as by any other death of the process. Code that keeps even threads from running, by
holding the interpreter's lock, ends the process a little later; that is told as a death.

It works for commands only: somebody else's program is not for asimov to begin again.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
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
    """A call that is watched: whose, how long it may take, and when it is given up."""

    call: Call
    calls: CallLog
    capture: Capture
    journal: Path
    seconds: float
    deadline: float


class Watchdog(threading.Thread):
    """Watches the calls of this process, one at a time.

    Attributes
    ----------
    watched
        The call that is running, or None.
    """

    def __init__(self) -> None:
        super().__init__(name="asimov watchdog", daemon=True)
        self.watched: Watched | None = None
        # Where the interpreter's own account goes: what a plugin prints there is captured.
        self._stderr = os.dup(2)
        self._armed = 0.0

    def run(self) -> None:
        """Look at what is running, about once a second, as long as the process lives."""
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
        """Watch a call that is about to begin."""
        self.watched = watched
        if time.monotonic() - self._armed > _TICK:
            self._arm(watched)

    def _arm(self, watched: Watched) -> None:
        """Have the interpreter end the process, unless that is put off again in time."""
        late = watched.seconds + 2 * grace(watched.seconds) + _TICK
        faulthandler.dump_traceback_later(late, exit=True, file=self._stderr)
        self._armed = time.monotonic()

    def _give_up(self, watched: Watched) -> None:
        if self.watched is not watched:
            return  # it has returned this moment
        watched.calls.hangs(watched.call, watched.seconds)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)  # it would outlive this program in the process
        watched.capture.restore()
        # The next program has this process's number and start, and would be taken for its holder.
        with suppress(ReportedError), closing(Journal(watched.journal)) as journal:
            give_back_all(journal, watched.calls.token or "")
        command.again()


def grace(seconds: float) -> float:
    """Return how long a call may go on after it was interrupted, in seconds."""
    return min(10.0, 2 * seconds)


_watchdog: Watchdog | None = None


def watch(watched: Watched) -> None:
    """Watch a call, where this process is a command."""
    global _watchdog  # noqa: PLW0603  (a process has one)
    if not command.is_command():
        return
    if _watchdog is None or not _watchdog.is_alive():  # it does not go along with a fork
        _watchdog = Watchdog()
        _watchdog.start()
    _watchdog.watch(watched)


def unwatch() -> None:
    """Watch nothing any more."""
    if _watchdog is not None:
        _watchdog.watched = None
