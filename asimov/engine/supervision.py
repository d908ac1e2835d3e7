"""A command under supervision: its end is never taken for success unless it came to its end.

A plugin can end the process of a command: by `os._exit`, a signal, C's ``exit``, a crash, or by
replacing the program. Nothing that runs in that process can be sure to report it. So a command
works in a child process, and the parent only waits. The child notes whose method it calls and, at
last, that it has come to its end. Without that last note the parent prints one line and ends with
an exit code other than 0.

To everybody else the two look like one process. The parent passes on each signal that is sent to
it alone; the terminal's reach both. The parent stops when the child is stopped, and ends as the
child did, by a signal if that did. If the parent is killed, the kernel kills the child.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NamedTuple, NoReturn

#: How a command that begins again (see `process.again`) finds its supervisor: "process handle".
_VARIABLE = "ASIMOV_SUPERVISED"
#: Longer notes are cut.
_LONGEST = 2000
_PR_SET_PDEATHSIG = 1
#: What is passed on.
_PASSED = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGCONT,
}


class _Notes(NamedTuple):
    """Where the child keeps its notes: a file in memory, and whose it is."""

    handle: int
    owner: int


_notes: _Notes | None = None


def supervise() -> None:
    """Go on in a child process; the parent waits for it and does not return.

    Does nothing where the process is supervised already, or the system lacks what this takes.
    """
    global _notes  # noqa: PLW0603  (a process has one supervisor)
    if _notes is not None or not sys.platform.startswith("linux"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    handle = os.memfd_create("asimov command")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED, signal.SIGCHLD})
    child = os.fork()
    if child:
        _wait(child, handle)
    _die_with(parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _notes = _Notes(handle, os.getpid())


def adopt() -> None:
    """Find the supervisor of the program before this one in the process, if it had one."""
    global _notes  # noqa: PLW0603
    _notes = None
    process, _, handle = os.environ.pop(_VARIABLE, "").partition(" ")
    if process == str(os.getpid()):
        with suppress(ValueError, OSError):
            os.set_inheritable(int(handle), False)
            _notes = _Notes(int(handle), os.getpid())
            _write(b" ")


def handed_on() -> dict[str, str]:
    """Return the environment by which the next program in this process finds its supervisor."""
    if _notes is None or _notes.owner != os.getpid():
        return {}
    os.set_inheritable(_notes.handle, True)
    return {_VARIABLE: f"{os.getpid()} {_notes.handle}"}


def calling(what: str) -> None:
    """Note whose method is called."""
    _write(b"+" + what.encode(errors="replace")[:_LONGEST] + b"\n")


def called() -> None:
    """Note that it has returned."""
    _write(b" ")


def ended() -> None:
    """Note that the command has come to its end, whatever its exit code."""
    _write(b"=")


def _write(note: bytes) -> None:
    # A child that a plugin has forked has nothing to note.
    if _notes is not None and _notes.owner == os.getpid():
        with suppress(OSError):
            os.pwrite(_notes.handle, note, 0)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _wait(child: int, handle: int) -> NoReturn:
    """Wait for the child, pass on what is sent to this process alone, and end as the child did."""
    passed: set[int] = set()
    while True:
        told = signal.sigwaitinfo({*_PASSED, signal.SIGCHLD})
        if told.si_signo != signal.SIGCHLD:
            if told.si_code <= 0:  # the kernel sends those of a terminal, to both processes
                passed.add(told.si_signo)
                os.kill(child, told.si_signo)
            continue
        process, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if process and os.WIFSTOPPED(status):
            os.kill(os.getpid(), signal.SIGSTOP)  # goes on when somebody has it go on
        elif process:
            _end(status, os.pread(handle, 2 * _LONGEST, 0), passed)


def _end(status: int, notes: bytes, passed: set[int]) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if not notes.startswith(b"=") and -code not in passed:
        told = _told(code, notes)
        if told:
            with suppress(OSError):
                os.write(2, f"{told}\n".encode())
            code = code or 1
    if code < 0:
        _die_of(-code)
    os._exit(code)


def _told(code: int, notes: bytes) -> str:
    """Return what is to be said of an end that came too early; empty for a person's signal."""
    by = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    again = "run the command again: it finds out what was done, and goes on from there"
    if notes.startswith(b"+"):
        what = notes[1:].partition(b"\n")[0].decode(errors="replace")
        return (
            f"error: {what} ended asimov's process ({by}); the command has not come to its end\n"
            f"  {again}; what ends it three times in a row is left alone"
        )
    if code < 0:
        return ""
    return (
        f"error: asimov's process ended ({by}) before the command had come to its end; "
        f"a thread of a plugin may have done so\n  {again}"
    )


def _die_of(number: int) -> NoReturn:
    """End by a signal, and leave no second core file."""
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError):  # SIGKILL has no handler to be put back
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)
