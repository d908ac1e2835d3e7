"""The witness: who learns how a program ended when its keeper was killed.

The runner is forked by a process that does nothing but wait. The kernel gives it every program
whose keeper was killed (it is their *subreaper*, see prctl(2)), and it writes the ending that the
keeper would have written. So an exit code is lost only when keeper and witness are both killed,
and a program whose keeper was killed runs on instead of being started again.

It ends when the runner has ended, and every program that it may be left.
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
    code_of,
    result,
    traces,
    write_ending,
    write_note,
)
from asimov.scheduler.local.keeper import MARK
from asimov.scheduler.local.orphans import in_session
from asimov.system.processes import Process, children, environment, look_at, started_at

_PR_SET_CHILD_SUBREAPER = 36


def witnessed(folder: Path, run: Callable[[str], int]) -> int:
    """Run something in a child of this process, which becomes its witness.

    Parameters
    ----------
    folder
        Where the traces of attempts are.
    run
        Is given the witness's identity for claims, empty where the system allows of none.

    Returns
    -------
    int
        The exit code of what ran in the child.
    """
    try:
        home = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return run("")  # the project was deleted, which is for the runner to say
    witness = f"{os.getpid()} {started_at(os.getpid())}" if _become_subreaper() else ""
    # Where SIGCHLD is ignored, which stays so across an exec, the kernel reaps children by itself.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        os.close(home)
        os.setsid()
        return run(witness)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.fchdir(home)  # also where the project is moved
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
            told = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return code
        assert told is not None
        if told.si_pid == runner:
            code, ended = code_of(told), True
        elif found := look_at(told.si_pid):
            _record(found, code_of(told))
        # Only now, so that whoever sees that it is gone can read how it ended.
        os.waitpid(told.si_pid, 0)
        if ended and not any(map(_matters, children(os.getpid()))):
            return code


def _record(found: Process, code: int) -> None:
    """Write the ending of an attempt if this is its program, and its keeper is dead."""
    keeper = found.session
    mine = _unfinished(keeper)
    # A keeper leads its session; what is started first in it is the program.
    if mine is None or found.pid in (keeper, os.getpid()) or started_at(keeper) is not None:
        return
    if any((each.start, each.pid) < (found.start, found.pid) for each in in_session(keeper)):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(found.pid, signal.SIGKILL)  # as the keeper does
    tick = os.sysconf("SC_CLK_TCK")
    exit_code, ended_by = result(code)
    try:
        began = mine.claim.lstat().st_mtime
    except FileNotFoundError:
        return
    user, system = (each / tick for each in found.cpu)
    ending = Ending(exit_code, ended_by, None, 0, 0, began, time.time(), user, system)
    write_ending(mine.ending, ending)


def _unfinished(keeper: int) -> Traces | None:
    """Return the traces of the attempt that a keeper claimed and that has no ending yet."""
    for found, claimed in _claims():
        if claimed[0] == str(keeper):
            return None if found.ended() else found
    return None


def _settle(witness: str) -> None:
    """Note of what was claimed under this witness and has no ending that it was never started."""
    for found, claimed in _claims():
        dead = started_at(int(claimed[0])) is None and not in_session(int(claimed[0]))
        if claimed[4:] == witness.split() and dead and not found.ended():
            write_note(found.note, UNSTARTED)


def _claims() -> Iterator[tuple[Traces, list[str]]]:
    """Return the claims of keepers in the current folder, and their words."""
    for name in os.listdir():  # noqa: PTH208  (whatever the folder is called by now)
        stem, _, kind = name.rpartition(".")
        if kind == "claim":
            with suppress(OSError):
                words = os.readlink(name).split()  # noqa: PTH115
                if len(words) > 1:
                    yield traces(Path(), stem), words


def _matters(pid: int) -> bool:
    """Say whether a child may still leave something to be written."""
    found = look_at(pid)
    if found is None:
        return False
    if _unfinished(found.session):
        return True
    # What a job has left behind bears its mark; a keeper on its way does not.
    variables = environment(pid)
    return found.dead or (
        bool(variables) and not any(each.startswith(f"{MARK}=") for each in variables)
    )
