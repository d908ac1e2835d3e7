"""The witness: the runner's parent process, which records how programs of killed keepers ended.

It does nothing but wait. As their *subreaper* (see prctl(2)) it becomes the parent of every program
whose keeper was killed, and it writes the ending that the keeper would have written. So an exit
code is lost only if keeper and witness are both killed, and a program whose keeper was killed runs
on instead of being started again.

It ends once the runner and every program that it may inherit have ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from asimov.scheduler.local.endings import (
    UNSTARTED,
    Ending,
    Traces,
    exit_code_and_signal,
    return_code,
    traces,
    write_ending,
    write_note,
)
from asimov.scheduler.local.keeper import MARK
from asimov.scheduler.local.orphans import in_session
from asimov.system.processes import (
    Process,
    ProcessIdentity,
    children,
    environment,
    look_at,
    started_at,
)

_PR_SET_CHILD_SUBREAPER = 36


def witnessed(folder: Path, run: Callable[[str], int]) -> int:
    """Run a function in a child of this process, which becomes its witness.

    Parameters
    ----------
    folder
        The folder with the files of attempts.
    run
        The function; its argument is the witness's identity for claims, empty where the system
        has no subreapers.

    Returns
    -------
    int
        The exit code of the child.
    """
    try:
        home = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return run("")  # the project was deleted: the runner reports it
    witness = str(ProcessIdentity.own()) if _become_subreaper() else ""
    # If SIGCHLD is ignored, which an exec preserves, the kernel reaps children by itself.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        os.close(home)
        os.setsid()
        return run(witness)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.fchdir(home)  # stays valid when the project is moved
    code = _attend(child)
    _settle(witness)
    return code


def _become_subreaper() -> bool:
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _attend(runner: int) -> int:
    code, ended = 0, False
    while True:
        try:
            waited = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return code
        assert waited is not None
        if waited.si_pid == runner:
            code, ended = return_code(waited), True
        elif found := look_at(waited.si_pid):
            _record(found, return_code(waited))
        # Reap it last, so that a process that sees it gone can read how it ended.
        os.waitpid(waited.si_pid, 0)
        if ended and not any(map(_matters, children(os.getpid()))):
            return code


def _record(found: Process, code: int) -> None:
    """Write the ending of an attempt if a process is its program and its keeper is dead."""
    keeper = found.session
    files = _unfinished(keeper)
    # A keeper leads its session; the first process that it starts there is the program.
    if files is None or found.pid in (keeper, os.getpid()) or started_at(keeper) is not None:
        return
    if any((each.start, each.pid) < (found.start, found.pid) for each in in_session(keeper)):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(found.pid, signal.SIGKILL)  # as the keeper does
    tick = os.sysconf("SC_CLK_TCK")
    exit_code, ended_by = exit_code_and_signal(code)
    try:
        began = files.claim.lstat().st_mtime
    except FileNotFoundError:
        return
    user, system = (each / tick for each in found.cpu)
    ending = Ending(exit_code, ended_by, None, 0, 0, began, time.time(), user, system)
    write_ending(files.ending, ending)


def _unfinished(keeper: int) -> Traces | None:
    """Return the files of the attempt that a keeper claimed and that has no ending yet."""
    for found, claimed in _claims():
        if claimed[0] == str(keeper):
            return None if found.ended() else found
    return None


def _settle(witness: str) -> None:
    """Note as never started what was claimed under this witness and has no ending."""
    for found, claimed in _claims():
        dead = started_at(int(claimed[0])) is None and not in_session(int(claimed[0]))
        if claimed[4:] == witness.split() and dead and not found.ended():
            write_note(found.note, UNSTARTED)


def _claims() -> Iterator[tuple[Traces, list[str]]]:
    """Yield the claims of keepers in the current folder, and the words in them."""
    for name in os.listdir():  # noqa: PTH208  (the folder may have been renamed)
        stem, _, kind = name.rpartition(".")
        if kind == "claim":
            with suppress(OSError):
                words = os.readlink(name).split()  # noqa: PTH115
                if len(words) > 1:
                    yield traces(Path(), stem), words


def _matters(pid: int) -> bool:
    """Return whether a child's end may still have to be recorded."""
    found = look_at(pid)
    if found is None:
        return False
    if _unfinished(found.session):
        return True
    # Processes that a job left behind carry its mark; a keeper that is starting does not.
    variables = environment(pid)
    return found.dead or (
        bool(variables) and not any(each.startswith(f"{MARK}=") for each in variables)
    )
