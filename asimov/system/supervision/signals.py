"""Signals that are sent to a supervised command, passed on to the process that does its work.

A signal may be sent to the parent alone, or to both: by ``kill -- -PGID``, ``timeout`` or systemd.
The command should get it once. The system does not tell the parent which it was, but the child
shows what it got: Python notes each signal that it handles in a pipe, and one that it does not
handle ends or stops the child. So the parent waits a moment, and passes a signal on only if the
child has not got it by itself.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress

#: What is passed on.
PASSED = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGCONT,
}
#: What the parent waits for. SIGIO says that there is something in the pipe.
AWAITED = {*PASSED, signal.SIGCHLD, signal.SIGIO}
#: Two signals of a number are one if no more than this is between them, in seconds.
_TOGETHER = 0.5


def ring(bell: int) -> None:
    """Note from now on in a pipe each signal that this process handles.

    Parameters
    ----------
    bell
        The pipe's end for writing, which must not block.
    """
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)

    def be_still() -> None:
        """Note nothing in a process that this one has forked."""
        if (before := signal.set_wakeup_fd(-1)) != bell:
            signal.set_wakeup_fd(before)

    os.register_at_fork(after_in_child=be_still)


class Relay:
    """What the parent does about signals; all of `AWAITED` must be blocked.

    Parameters
    ----------
    bell
        The pipe's end for reading, which must not block.

    Attributes
    ----------
    asked
        The signals that somebody has sent to the parent.
    """

    def __init__(self, bell: int) -> None:
        self.asked: set[int] = set()
        self._bell = bell
        self._due: dict[int, float] = {}  # when a signal is passed on
        self._passed: dict[int, float] = {}  # when it was
        self._seen: dict[int, float] = {}  # when the child got one by itself
        self._heard()  # what a child before this one has got
        fcntl.fcntl(bell, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(bell, fcntl.F_SETFL, fcntl.fcntl(bell, fcntl.F_GETFL) | os.O_ASYNC)

    def wait(self, child: int) -> int:
        """Wait until the child ends, and return its status for `os.waitstatus_to_exitcode`."""
        while True:
            self._receive()
            self._pass_on(child)
            process, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if process and os.WIFSTOPPED(status):
                for number in (os.WSTOPSIG(status), signal.SIGCONT):
                    self._due.pop(number, None)
                os.kill(os.getpid(), signal.SIGSTOP)  # goes on when somebody has it go on
            elif process:
                self._catch_up(status)
                return status

    def _receive(self) -> None:
        """Wait for a signal, or until one is due."""
        due = min(self._due.values(), default=None)
        if due is None:
            told: signal.struct_siginfo | None = signal.sigwaitinfo(AWAITED)
        else:
            told = signal.sigtimedwait(AWAITED, max(due - time.monotonic(), 0))
        now = time.monotonic()
        for number in self._heard():
            if now - self._passed.pop(number, -_TOGETHER) >= _TOGETHER:
                self._seen[number] = now
        # The kernel sends those of a terminal, to both processes.
        if told is not None and told.si_signo in PASSED and told.si_code <= 0:
            self.asked.add(told.si_signo)
            self._due.setdefault(told.si_signo, now + _TOGETHER)
            if told.si_signo == signal.SIGCONT:  # as the kernel does
                self._due.pop(signal.SIGTSTP, None)

    def _heard(self) -> bytes:
        """Return the numbers of the signals that the child has handled since."""
        with suppress(BlockingIOError):
            return os.read(self._bell, 65536)
        return b""

    def _pass_on(self, child: int) -> None:
        now = time.monotonic()
        for number, due in list(self._due.items()):
            if self._seen.get(number, -_TOGETHER) >= due - 2 * _TOGETHER:
                del self._due[number]
            elif due <= now:
                del self._due[number]
                self._passed[number] = now
                with suppress(ProcessLookupError):
                    os.kill(child, number)

    def _catch_up(self, status: int) -> None:
        """Find out whether what has ended the child is on its way to the parent as well."""
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number in PASSED - self.asked and signal.sigtimedwait({number}, _TOGETHER):
            self.asked.add(number)
