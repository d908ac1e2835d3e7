"""Supervise a command from a parent process, so that an early end never passes for success.

A plugin can end the process of a command: by `os._exit`, a signal, C's ``exit``, a crash, or by
replacing the program. Nothing in that process can be sure to report it. So a command works in a
child process, and the parent only waits. The child notes which method it calls and, at the very
end, that it is finished. Without that last note the parent prints one line and exits with a code
other than 0. In a watch, a new child replaces the one that a plugin ended.

To other programs the two look like one process. The parent relays each signal that is sent to
it alone (see `asimov.system.supervision.signals`). The parent stops when the child is stopped, and
ends as the child did, by a signal if that did. If the parent is killed, the kernel kills the child.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from asimov import text
from asimov.system.supervision import signals

#: How a command that restarts (see `command.again`) finds its supervisor: "process handles".
_VARIABLE = "ASIMOV_SUPERVISED"
#: Longer notes are cut.
_LONGEST = 2000
#: The offset of the note that the command is a watch; the path of its file of calls follows.
_WATCHING = 2 * _LONGEST
_CALLS = _WATCHING + 1
#: What a supervisor writes before a call in which it saw a command die.
WITNESSED = b"!"
_PR_SET_PDEATHSIG = 1
#: Signals that a faulty program ends by; a user may have sent others.
_FAULTS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class _Notes(NamedTuple):
    """Where the child writes: a file in memory for notes, a pipe for signals; and its id."""

    handle: int
    bell: int
    owner: int


_notes: _Notes | None = None


def supervise() -> None:
    """Continue in a child process; the parent waits for it and does not return.

    Does nothing if the process is already supervised, or the system does not support it.
    """
    global _notes  # noqa: PLW0603  (a process has one supervisor)
    if _notes is not None or not sys.platform.startswith("linux"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    parent, failed = os.getpid(), False
    try:
        handle = os.memfd_create("asimov command")
        heard, bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # out of descriptors or memory
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.AWAITED)
    while child := _forked():
        ending = _wait(child, handle, heard)
        if not ending.may_go_on:
            _end(ending, failed)
        _report(ending)
        failed = True
        os.ftruncate(handle, 0)
    if child is None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for each in (handle, heard, bell):
            os.close(each)
        return
    _die_with(parent)
    os.close(heard)
    signals.ring(bell)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _notes = _Notes(handle, bell, os.getpid())


def _forked() -> int | None:
    """Fork: return the child's id, 0 in the child, and None if there can be no child."""
    try:
        return os.fork()
    except OSError:  # too many processes: the command continues unsupervised
        return None


def adopt() -> None:
    """Find the supervisor that the previous program in this process had, if any."""
    global _notes  # noqa: PLW0603
    _notes = None
    process, *handles = os.environ.pop(_VARIABLE, "").split(" ")
    if process == str(os.getpid()):
        with suppress(ValueError, OSError):
            handle, bell = map(int, handles)
            for each in (handle, bell):
                os.set_inheritable(each, False)
            _notes = _Notes(handle, bell, os.getpid())
            _write(b" ")
            signals.ring(bell)


def handed_on() -> dict[str, str]:
    """Return variables by which the next program in this process finds its supervisor."""
    if _notes is None or _notes.owner != os.getpid():
        return {}
    for each in (_notes.handle, _notes.bell):
        os.set_inheritable(each, True)
    return {_VARIABLE: f"{os.getpid()} {_notes.handle} {_notes.bell}"}


def calling(what: str) -> None:
    """Note which method is called."""
    _write(b"+" + what.encode(errors="replace")[:_LONGEST] + b"\n")


def called() -> None:
    """Note that the method has returned."""
    _write(b" ")


def ended() -> None:
    """Note that the command is finished, whatever its exit code."""
    _write(b"=")


def watching() -> None:
    """Note that the command is a watch, which restarts if a plugin ends it."""
    _write(b"w", _WATCHING)


def supervised(calls: Path) -> bool:
    """Return whether a supervisor would see this process die, and note where it records that.

    Parameters
    ----------
    calls
        The file that names the method called: its first byte becomes `WITNESSED` when the process
        dies. If no supervisor recorded the death, the supervisor died as well.
    """
    if _notes is None or _notes.owner != os.getpid():
        return False
    _write(os.fsencode(calls) + b"\0", _CALLS)
    return True


def _bear_witness(notes: bytes) -> None:
    path = Path(os.fsdecode(notes[_CALLS:].partition(b"\0")[0]))
    with suppress(OSError), path.open("r+b", buffering=0) as file:
        if file.read(1) == b"+":
            file.seek(0)
            file.write(WITNESSED)


def _write(note: bytes, at: int = 0) -> None:
    # A child that a plugin has forked writes no notes.
    if _notes is not None and _notes.owner == os.getpid():
        with suppress(OSError):
            os.pwrite(_notes.handle, note, at)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class _Ending(NamedTuple):
    """How a child ended.

    Attributes
    ----------
    code
        Its exit code, or less than 0 for a signal.
    notes
        Its last notes.
    asked
        The signals that were sent to its parent.
    """

    code: int
    notes: bytes
    asked: frozenset[int]

    @property
    def early(self) -> bool:
        """Whether the command was not finished, and nobody had sent the signal that ended it."""
        return not self.notes.startswith(b"=") and -self.code not in self.asked

    @property
    def called(self) -> str:
        """The method that was running; empty if none was."""
        note = self.notes.partition(b"\n")[0]
        return text.line(note[1:].decode(errors="replace")) if note.startswith(b"+") else ""

    @property
    def may_go_on(self) -> bool:
        """Whether it is a watch that a plugin ended, and not a user's signal."""
        watched = self.notes[_WATCHING:_CALLS] == b"w"
        by_itself = self.code >= 0 or -self.code in _FAULTS
        return self.early and watched and bool(self.called) and by_itself

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exit code {self.code}"
        return f"signal {signal.Signals(-self.code).name}"


def _wait(child: int, handle: int, heard: int) -> _Ending:
    """Wait for the child's end, and relay signals that are sent to this process alone."""
    passing = signals.Relay(heard)
    status = passing.wait(child)
    notes = os.pread(handle, _CALLS + _LONGEST, 0)
    ending = _Ending(os.waitstatus_to_exitcode(status), notes, frozenset(passing.asked))
    if ending.early and ending.called:
        _bear_witness(notes)
    return ending


def _end(ending: _Ending, failed: bool) -> NoReturn:
    """Exit as the child did, but not with success if it, or one before it, ended early."""
    reported = ending.early and _report(ending)
    if ending.code < 0:
        _die_of(-ending.code)
    os._exit(ending.code or int(reported or failed))


def _report(ending: _Ending) -> bool:
    """Print that a child ended early, unless a user's signal ended it; return whether it did."""
    if ending.called:
        line = f"{ending.called}: asimov's process ended in it ({ending})"
    elif ending.code >= 0:
        line = f"asimov's process ended ({ending}), perhaps by a thread that a plugin left running"
    else:
        return False
    hint = "run the command again: it finds out what was done, and continues from there"
    if ending.may_go_on:
        hint = "the watch restarts, finds out what was done, and continues from there"
    if ending.called:
        hint += "; a method that ends it three times in a row is suspended"
    with suppress(OSError):
        lines = f"error: {text.line(line)}, before the command was finished\n  {hint}\n"
        os.write(2, text.encodable(lines).encode())
    return True


def _die_of(number: int) -> NoReturn:
    """End by a signal, without writing a second core file."""
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError):  # SIGKILL has no handler to reset
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)
