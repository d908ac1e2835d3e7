"""A command under supervision: its end is never taken for success unless it came to its end.

A plugin can end the process of a command: by `os._exit`, a signal, C's ``exit``, a crash, or by
replacing the program. Nothing that runs in that process can be sure to report it. So a command
works in a child process, and the parent only waits. The child notes whose method it calls and, at
last, that it has come to its end. Without that last note the parent prints one line and ends with
an exit code other than 0. Of a watch a new child takes the place of the one that a plugin ended.

To everybody else the two look like one process. The parent passes on each signal that is sent to
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

#: How a command that begins again (see `process.again`) finds its supervisor: "process handles".
_VARIABLE = "ASIMOV_SUPERVISED"
#: Longer notes are cut.
_LONGEST = 2000
#: Where the note stands that the command is a watch, and behind it the file of its calls.
_WATCHING = 2 * _LONGEST
_CALLS = _WATCHING + 1
#: What a supervisor puts before a call in which it has seen a command die.
WITNESSED = b"!"
_PR_SET_PDEATHSIG = 1
#: Signals by which a program ends that is at fault; others may be a person's.
_FAULTS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class _Notes(NamedTuple):
    """Where the child keeps its notes: a file in memory, a pipe for signals, and whose they are."""

    handle: int
    bell: int
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
    parent, failed = os.getpid(), False
    try:
        handle = os.memfd_create("asimov command")
        heard, bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # no room for it
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.AWAITED)
    while child := _forked():
        ending = _wait(child, handle, heard)
        if not ending.may_go_on:
            _end(ending, failed)
        _tell(ending)
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
    """Return the number of a new child process, 0 in that child, None where there can't be one."""
    try:
        return os.fork()
    except OSError:  # there are too many processes: the command goes on by itself
        return None


def adopt() -> None:
    """Find the supervisor of the program before this one in the process, if it had one."""
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
    """Return the environment by which the next program in this process finds its supervisor."""
    if _notes is None or _notes.owner != os.getpid():
        return {}
    for each in (_notes.handle, _notes.bell):
        os.set_inheritable(each, True)
    return {_VARIABLE: f"{os.getpid()} {_notes.handle} {_notes.bell}"}


def calling(what: str) -> None:
    """Note whose method is called."""
    _write(b"+" + what.encode(errors="replace")[:_LONGEST] + b"\n")


def called() -> None:
    """Note that it has returned."""
    _write(b" ")


def ended() -> None:
    """Note that the command has come to its end, whatever its exit code."""
    _write(b"=")


def watching() -> None:
    """Note that the command is a watch, which begins anew where a plugin ends it."""
    _write(b"w", _WATCHING)


def supervised(calls: Path) -> bool:
    """Say whether a supervisor would see this process die, and note where it is to say so.

    Parameters
    ----------
    calls
        The file that says whose method is called: its first byte becomes `WITNESSED` when the
        process dies. A death that nobody has seen is that of the supervisor too.
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
    # A child that a plugin has forked has nothing to note.
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
        What it had noted last.
    asked
        The signals that somebody has sent to its parent.
    """

    code: int
    notes: bytes
    asked: frozenset[int]

    @property
    def early(self) -> bool:
        """Whether the command had not come to its end, and nobody had asked for one."""
        return not self.notes.startswith(b"=") and -self.code not in self.asked

    @property
    def called(self) -> str:
        """Whose method was running; empty where none was."""
        note = self.notes.partition(b"\n")[0]
        return text.line(note[1:].decode(errors="replace")) if note.startswith(b"+") else ""

    @property
    def may_go_on(self) -> bool:
        """Whether it is a watch that a plugin ended, and no person by a signal."""
        watched = self.notes[_WATCHING:_CALLS] == b"w"
        by_itself = self.code >= 0 or -self.code in _FAULTS
        return self.early and watched and bool(self.called) and by_itself

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exit code {self.code}"
        return f"signal {signal.Signals(-self.code).name}"


def _wait(child: int, handle: int, heard: int) -> _Ending:
    """Wait for the child's end, and pass on what is sent to this process alone."""
    passing = signals.Relay(heard)
    status = passing.wait(child)
    notes = os.pread(handle, _CALLS + _LONGEST, 0)
    ending = _Ending(os.waitstatus_to_exitcode(status), notes, frozenset(passing.asked))
    if ending.early and ending.called:
        _bear_witness(notes)
    return ending


def _end(ending: _Ending, failed: bool) -> NoReturn:
    """End as the child did, but not as a success where it, or one before it, ended too early."""
    told = ending.early and _tell(ending)
    if ending.code < 0:
        _die_of(-ending.code)
    os._exit(ending.code or int(told or failed))


def _tell(ending: _Ending) -> bool:
    """Print that a child ended too early, unless a person's signal did that; return whether."""
    if ending.called:
        line = f"{ending.called}: asimov's process ended in it ({ending})"
    elif ending.code >= 0:
        line = f"asimov's process ended ({ending}), as by a thread that a plugin has left"
    else:
        return False
    hint = "run the command again: it finds out what was done, and goes on from there"
    if ending.may_go_on:
        hint = "the watch begins anew, finds out what was done, and goes on from there"
    if ending.called:
        hint += "; what ends it three times in a row is left alone"
    with suppress(OSError):
        told = f"error: {text.line(line)}, before the command had come to its end\n  {hint}\n"
        os.write(2, text.encodable(told).encode())
    return True


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
