"""The keeper: a process that starts one program, waits for it, and records how it ended.

The runner forks the keeper. The keeper leads its own session, claims the attempt, starts the
program in that session, waits for it, and writes how it ended, so that the program and its exit
code survive the runner. The session links a program to its keeper even after the keeper was killed:
the kernel does not reuse a session's number while it knows one of its processes, a dead one
included.

If the runner is killed at any point, the next one reads claims and endings. If a keeper is killed,
the witness writes what it would have written (`asimov.scheduler.local.witness`).
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
    exit_code_and_signal,
    note_text,
    return_code,
    write_ending,
    write_note,
)
from asimov.scheduler.local.process_spec import ProcessSpec
from asimov.system.processes import environment as environment_of
from asimov.system.processes import numbers
from asimov.text import encodable

#: The environment variable that marks every process of an attempt.
MARK = "ASIMOV_LOCAL_ATTEMPT"
_DEFAULTS = [
    number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)
]


def has_mark(pid: int, mark: str) -> bool:
    """Return whether a process belongs to an attempt, by the mark in its environment."""
    return f"{MARK}={mark}" in environment_of(pid)


def kill_marked(mark: str) -> None:
    """Kill every process that carries a mark in its environment."""
    for _ in range(3):  # a process may fork during the search
        found = 0
        for pid in numbers():
            if pid != os.getpid() and has_mark(pid, mark):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    found += 1
        if not found:
            return


def start(
    spec: ProcessSpec,
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
    spec, resolve
        What to run, and a function that makes its paths absolute.
    environment
        The cluster's environment; the process's own variables override it.
    traces
        The files in which the keeper claims the attempt and writes its ending.
    witness
        The witness, which writes the ending if the keeper is killed; for the claim.
    mark
        The attempt's mark.
    grace
        How many seconds the process has to end once asked; then it is killed.
    """
    pid = os.fork()
    if pid:
        return pid
    try:  # from here on this is the child, which must never return
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        guard = _Guard(mark, grace, os.open(traces.claim.parent, os.O_RDONLY | os.O_DIRECTORY))
        _close_files(guard.home)
        if claim(traces.claim, identity(witness)):
            variables = {**environment, **(spec.environment or {}), MARK: mark}
            ending = _run(spec, resolve, variables, guard, Path(traces.note.name))
            os.fchdir(guard.home)
            write_ending(Path(traces.ending.name), ending)
    finally:
        os._exit(0)


def _close_files(home: int) -> None:
    # The keeper must not hold the runner's lock and database, nor the job's files. Closing every
    # number up to the limit would be a billion calls where the limit is high and the kernel old.
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  (paths would cost more than the rest)
        if int(name) > 2 and int(name) != home:
            with suppress(OSError):
                os.close(int(name))


class _Guard:
    """Passes a request to end on to the program, and kills it after the grace period."""

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
        if signal.getitimer(signal.ITIMER_REAL) == (
            0.0,
            0.0,
        ):  # a repeated request gives no new grace period
            signal.setitimer(signal.ITIMER_REAL, max(self.grace, 0.001), 0.5)

    def kill(self, *_: object) -> None:
        if not self.pid:
            os._exit(0)  # still opening a file, such as a pipe; nothing was started
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        kill_marked(self.mark)


def _run(
    spec: ProcessSpec,
    resolve: Callable[[str], Path],
    environment: Mapping[str, str],
    guard: _Guard,
    note: Path,
) -> Ending:
    began = time.time()
    if guard.asked:
        return Ending(signal=int(signal.SIGTERM), started=began, ended=began, asked=True)
    program = str(resolve(spec.arguments[0]))
    what, code = "", 0
    try:
        what, code = f"Cannot access initial working directory {resolve(spec.folder)}", 14
        os.chdir(resolve(spec.folder))
        files = _open(spec, resolve)
        what, code = f"Failed to execute '{program}'", 6
        # posix_spawn reports why a program can't be started, and is cheaper than a fork.
        pid = os.posix_spawn(
            program,
            [program, *spec.arguments[1:]],
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
    except ValueError as error:  # a null character, or an invalid variable name
        return Ending(held=encodable(f"{what}: {error}"), code=code, started=began)
    guard.pid = pid
    if guard.asked:
        guard.end()
    _close_files(guard.home)
    # Kill the group before the program is reaped: until then its number can't be reused.
    waited = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert waited is not None
    asked = guard.asked
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if guard.asked:
        kill_marked(guard.mark)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The queue's folder may have been moved, or replaced by another project.
    os.fchdir(guard.home)
    # A keeper killed before this line leaves the dead program, with its exit code, to the witness;
    # one killed after it leaves the note.
    write_note(note, note_text(return_code(waited), asked=asked))
    _, status, used = os.wait4(pid, 0)
    exit_code, ended_by = exit_code_and_signal(os.waitstatus_to_exitcode(status))
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


def _open(spec: ProcessSpec, resolve: Callable[[str], Path]) -> list[int]:
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if spec.append else os.O_TRUNC)
    asked = [(spec.input, os.O_RDONLY), (spec.output, how)]
    if spec.error != spec.output:
        asked.append((spec.error, how))
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
