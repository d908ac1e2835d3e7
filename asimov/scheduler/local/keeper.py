"""Starting a process so that it and its exit code outlive whoever started it.

The runner forks; the child, the *keeper*, leads a session of its own, claims the attempt, starts
the program in that session, waits for it, and writes how it ended. The session is what ties a
program to its keeper, also when the keeper was killed: the kernel keeps a session's number from
others as long as one of its processes, a dead one included, is known to it.

A runner that was killed at any point is followed by one that reads claims and endings. What a
keeper that was killed would have written, the witness writes (`asimov.scheduler.local.witness`).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from asimov.scheduler.local.claims import claim, identity
from asimov.scheduler.local.endings import (
    Ending,
    Traces,
    code_of,
    note_of,
    result,
    write_ending,
    write_note,
)
from asimov.scheduler.local.process_spec import Process
from asimov.system.processes import environment as environment_of
from asimov.system.processes import numbers
from asimov.text import encodable

#: Marks every process of an attempt, by the spool and the attempt.
MARK = "ASIMOV_LOCAL_ATTEMPT"
_DEFAULTS = [
    number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)
]


def carries(pid: int, mark: str) -> bool:
    """Say whether a process belongs to an attempt, by the mark in its environment."""
    return f"{MARK}={mark}" in environment_of(pid)


def kill_marked(mark: str) -> None:
    """Kill every process that carries a mark in its environment."""
    for _ in range(3):  # a process may fork while it is looked for
        found = 0
        for pid in numbers():
            if pid != os.getpid() and carries(pid, mark):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    found += 1
        if not found:
            return


def start(
    process: Process,
    resolve: Callable[[str], Path],
    environment: Mapping[str, str],
    *,
    traces: Traces,
    witness: str,
    mark: str,
    grace: float,
) -> int:
    """Start a keeper and return its process id.

    Parameters
    ----------
    process, resolve
        What to run, and the function that makes its paths absolute.
    environment
        The cluster's environment; the process's own is laid over it.
    traces
        Where the keeper claims the attempt and writes its end.
    witness
        Who writes that if the keeper is killed, for the claim.
    mark
        The attempt's mark.
    grace
        How long the process may live after it was asked to end, in seconds.
    """
    pid = os.fork()
    if pid:
        return pid
    try:  # from here on in the child, which must never return
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        guard = _Guard(mark, grace, os.open(traces.claim.parent, os.O_RDONLY | os.O_DIRECTORY))
        _close_files(guard.home)
        if claim(traces.claim, identity(witness)):
            variables = {**environment, **(process.environment or {}), MARK: mark}
            ending = _run(process, resolve, variables, guard, Path(traces.note.name))
            os.fchdir(guard.home)
            write_ending(Path(traces.ending.name), ending)
    finally:
        os._exit(0)


def _close_files(home: int) -> None:
    # The runner's lock and database, and the job's files, are not the keeper's. A range up to the
    # limit would be a thousand million calls where the limit is high and the kernel old.
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  (paths would cost more than the rest)
        if int(name) > 2 and int(name) != home:
            with suppress(OSError):
                os.close(int(name))


class _Guard:
    """Passes a request to end on to the program, and makes an end of it after the grace."""

    def __init__(self, mark: str, grace: float, home: int) -> None:
        self.mark = mark
        self.grace = grace
        self.home = home
        self.asked = False
        self.pid = 0
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(signal.SIGALRM, self.kill)

    def end(self, *_: object) -> None:
        self.asked = True
        if self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
                # A stopped process would never see it.
                os.killpg(self.pid, signal.SIGCONT)
        if signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0):  # who asks again gives no new grace
            signal.setitimer(signal.ITIMER_REAL, max(self.grace, 0.001), 0.5)

    def kill(self, *_: object) -> None:
        if not self.pid:
            os._exit(0)  # it waits for a file, such as a pipe, and nothing was started
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        kill_marked(self.mark)


def _run(
    process: Process,
    resolve: Callable[[str], Path],
    environment: Mapping[str, str],
    guard: _Guard,
    note: Path,
) -> Ending:
    began = time.time()
    if guard.asked:
        return Ending(signal=int(signal.SIGTERM), started=began, ended=began, asked=True)
    program = str(resolve(process.arguments[0]))
    what, code = "", 0
    try:
        what, code = f"Cannot access initial working directory {resolve(process.folder)}", 14
        os.chdir(resolve(process.folder))
        files = _open(process, resolve)
        what, code = f"Failed to execute '{program}'", 6
        # posix_spawn tells the error of the program's start, and is cheaper than a fork.
        pid = os.posix_spawn(
            program,
            [program, *process.arguments[1:]],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, handle, n) for n, handle in enumerate(files)],
            setpgroup=0,
            setsigmask=[],
            setsigdef=_DEFAULTS,
        )
    except _OpenError as error:
        return Ending(held=encodable(str(error)), code=7, subcode=error.number, started=began)
    except OSError as error:
        reason = encodable(f"{what}: (errno={error.errno}: '{error.strerror}')")
        return Ending(held=reason, code=code, subcode=error.errno or 0, started=began)
    except ValueError as error:  # a null character, or a variable's name that can't be one
        return Ending(held=encodable(f"{what}: {error}"), code=code, started=began)
    guard.pid = pid
    if guard.asked:
        guard.end()
    _close_files(guard.home)
    # The group is ended before the program is reaped: until then nobody else can have its number.
    told = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert told is not None
    asked = guard.asked
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if guard.asked:
        kill_marked(guard.mark)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The queue's folder may have been moved, or replaced by another project's.
    os.fchdir(guard.home)
    # A keeper that is killed before this leaves the dead program, with its exit code, to the
    # witness; one that is killed after it leaves the note.
    write_note(note, note_of(code_of(told), asked=asked))
    _, status, used = os.wait4(pid, 0)
    exit_code, ended_by = result(os.waitstatus_to_exitcode(status))
    return Ending(
        exit_code=exit_code,
        signal=ended_by,
        started=began,
        ended=time.time(),
        user=used.ru_utime,
        system=used.ru_stime,
        memory_mb=used.ru_maxrss / 1024,
        asked=asked,
    )


class _OpenError(Exception):
    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.number = number


def _open(process: Process, resolve: Callable[[str], Path]) -> list[int]:
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if process.append else os.O_TRUNC)
    asked = [(process.input, os.O_RDONLY), (process.output, how)]
    if process.error != process.output:
        asked.append((process.error, how))
    handles: list[int] = []
    for stored, flags in asked:
        path = resolve(stored)
        try:
            handles.append(os.open(path, flags, 0o666))
        except OSError as error:
            text = f"Failed to open '{path}': {error.strerror}"
            raise _OpenError(text, error.errno or 0) from error
        except ValueError as error:
            raise _OpenError(f"Failed to open '{path}': {error}", 0) from error
    return handles if len(handles) == 3 else [*handles, handles[1]]
