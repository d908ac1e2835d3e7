"""Relay signals from the parent of a supervised command to the child that does its work.

A signal may be sent to the parent alone, or to both: by ``kill -- -PGID``, ``timeout`` or systemd.
The command should receive it once. The system does not tell the parent which it was, but the child
shows what it received: Python writes the number of each signal that it handles to a pipe, and one
that it does not handle ends or stops the child. So the parent waits a moment, and relays a signal
only if the child has not received it by itself.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress

#: The signals that are relayed.
RELAYED = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGCONT,
}
#: The signals that the parent waits for. SIGIO means that the pipe has data.
AWAITED = {*RELAYED, signal.SIGCHLD, signal.SIGIO}
#: Two signals of one number are the same one if they are this close, in seconds.
_TOGETHER = 0.5


def ring(bell: int) -> None:
    """Write the number of each signal that this process handles from now on to a pipe.

    Parameters
    ----------
    bell
        The pipe's write end, which must not block.
    """
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)

    def stop() -> None:
        """Write nothing in a process that this one has forked."""
        if (before := signal.set_wakeup_fd(-1)) != bell:
            signal.set_wakeup_fd(before)

    os.register_at_fork(after_in_child=stop)


class Relay:
    """Wait for the child, and relay signals to it; all of `AWAITED` must be blocked.

    Parameters
    ----------
    bell
        The pipe's read end, which must not block.

    Attributes
    ----------
    asked
        The signals that were sent to the parent.
    """

    def __init__(self, bell: int) -> None:
        self.asked: set[int] = set()
        self._bell = bell
        self._due: dict[int, float] = {}  # when to relay a signal
        # Relayed, and not handled yet: however long that takes, the child got it from here.
        self._relayed: set[int] = set()
        self._seen: dict[int, float] = {}  # when the child received one by itself
        self._handled()  # what a child before this one has received
        fcntl.fcntl(bell, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(bell, fcntl.F_SETFL, fcntl.fcntl(bell, fcntl.F_GETFL) | os.O_ASYNC)

    def wait(self, child: int) -> int:
        """Wait until the child ends, and return its status for `os.waitstatus_to_exitcode`."""
        while True:
            self._receive()
            self._relay(child)
            process, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if process and os.WIFSTOPPED(status):
                for number in (os.WSTOPSIG(status), signal.SIGCONT):
                    self._due.pop(number, None)
                os.kill(os.getpid(), signal.SIGSTOP)  # until the user continues it
            elif process:
                self._catch_up(status)
                return status

    def _receive(self) -> None:
        """Wait for a signal, or until one is due."""
        due = min(self._due.values(), default=None)
        if due is None:
            received: signal.struct_siginfo | None = signal.sigwaitinfo(AWAITED)
        else:
            received = signal.sigtimedwait(AWAITED, max(due - time.monotonic(), 0))
        now = time.monotonic()
        for number in self._handled():
            if number in self._relayed:
                self._relayed.remove(number)
            else:
                self._seen[number] = now
        # The kernel sends a terminal's signals, with a positive code, to both processes.
        if received is not None and received.si_signo in RELAYED and received.si_code <= 0:
            self.asked.add(received.si_signo)
            self._due.setdefault(received.si_signo, now + _TOGETHER)
            if received.si_signo == signal.SIGCONT:  # as the kernel does
                self._due.pop(signal.SIGTSTP, None)

    def _handled(self) -> bytes:
        """Return the numbers of the signals that the child has handled since the last call."""
        with suppress(BlockingIOError):
            return os.read(self._bell, 65536)
        return b""

    def _relay(self, child: int) -> None:
        now = time.monotonic()
        for number, due in list(self._due.items()):
            if self._seen.get(number, -_TOGETHER) >= due - 2 * _TOGETHER:
                del self._due[number]
            elif due <= now:
                del self._due[number]
                self._relayed.add(number)
                with suppress(ProcessLookupError):
                    os.kill(child, number)

    def _catch_up(self, status: int) -> None:
        """Check whether the signal that ended the child was also sent to the parent."""
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number in RELAYED - self.asked and signal.sigtimedwait({number}, _TOGETHER):
            self.asked.add(number)
