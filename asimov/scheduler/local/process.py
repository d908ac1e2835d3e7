"""Starting a process so that it and its exit code outlive whoever started it.

The runner forks; the child, the *keeper*, leaves the runner's session, claims the attempt with a
symbolic link (made in one step, so that an attempt is claimed once: by the keeper, or by a new
runner that gives it up), starts the program in a session of its own, waits for it, and writes how
it ended. A runner that was killed at any point is followed by one that reads claims and endings.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

from asimov.processes import started_at
from asimov.scheduler.local.jobs import Process

#: Marks every process of an attempt, by the spool and the attempt.
MARK = "ASIMOV_LOCAL_ATTEMPT"
_LOST = "lost"
_DEFAULTS = [
    number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)
]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, or why it could not be started (`held`, with HTCondor's codes).

    Attributes
    ----------
    asked
        Whether it was asked to end; what ended by itself keeps its exit code, whatever was asked
        for in the meantime.
    """

    exit_code: int | None = None
    signal: int | None = None
    held: str | None = None
    code: int = 0
    subcode: int = 0
    started: float = 0.0
    ended: float = 0.0
    user: float = 0.0
    system: float = 0.0
    memory_mb: float | None = None
    asked: bool = False


class Life(Enum):
    """What became of a keeper."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "on another machine"


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Return what tells this machine from others."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text().strip() or os.uname().nodename
    return os.uname().nodename


@lru_cache(maxsize=1)
def this_boot() -> str:
    """Return what tells this start of the machine from others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identity() -> str:
    """Return what tells this process from every other, for a claim."""
    return f"{os.getpid()} {started_at(os.getpid())} {this_boot()} {this_machine()}"


def claim(path: Path, text: str = _LOST) -> bool:
    """Claim an attempt; return False where it is claimed already."""
    try:
        path.symlink_to(text)
    except FileExistsError:
        return False
    return True


def printable(text: str) -> str:
    """Return a text with what is no UTF-8, as in a file's name, written out."""
    return text.encode(errors="backslashreplace").decode()


def abandoned(path: Path) -> bool:
    """Whether an attempt was given up by a runner before a keeper claimed it."""
    return path.is_symlink() and str(path.readlink()) == _LOST


def keeper(path: Path) -> tuple[Life, int]:
    """Return whether the keeper that made a claim lives, and its process id."""
    text = str(path.readlink())
    if text == _LOST:
        return Life.DEAD, 0
    pid, start, boot, machine = text.split(" ", 3)
    if machine != this_machine():
        return Life.ELSEWHERE, int(pid)
    alive = boot == this_boot() and started_at(int(pid)) == start
    return (Life.ALIVE if alive else Life.DEAD), int(pid)


def kill_marked(mark: str) -> None:
    """Kill every process that carries a mark in its environment."""
    wanted = f"{MARK}={mark}".encode()
    for _ in range(3):  # a process may fork while it is looked for
        found = 0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
                    found += 1
        if not found:
            return


def read_ending(path: Path) -> Ending | None:
    """Return what a keeper wrote; None where it wrote nothing."""
    try:
        return Ending(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def start(
    process: Process,
    resolve: Callable[[str], Path],
    environment: Mapping[str, str],
    *,
    claim_path: Path,
    ending_path: Path,
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
    claim_path, ending_path
        Where the keeper claims the attempt and writes its end.
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
        guard = _Guard(mark, grace, os.open(claim_path.parent, os.O_RDONLY | os.O_DIRECTORY))
        _close_files(guard.home)
        if claim(claim_path, identity()):
            variables = {**environment, **(process.environment or {}), MARK: mark}
            ending = _run(process, resolve, variables, guard)
            # The queue's folder may have been moved, or replaced by another project's.
            os.fchdir(guard.home)
            write_ending(Path(ending_path.name), ending)
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
    process: Process, resolve: Callable[[str], Path], environment: Mapping[str, str], guard: _Guard
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
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULTS,
        )
    except _OpenError as error:
        return Ending(held=printable(str(error)), code=7, subcode=error.number, started=began)
    except OSError as error:
        reason = printable(f"{what}: (errno={error.errno}: '{error.strerror}')")
        return Ending(held=reason, code=code, subcode=error.errno or 0, started=began)
    except ValueError as error:  # a null character, or a variable's name that can't be one
        return Ending(held=printable(f"{what}: {error}"), code=code, started=began)
    guard.pid = pid
    if guard.asked:
        guard.end()
    _close_files(guard.home)
    # The group is ended before the program is reaped: until then nobody else can have its number.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    asked = guard.asked
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if guard.asked:
        kill_marked(guard.mark)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, status, used = os.wait4(pid, 0)
    result = os.waitstatus_to_exitcode(status)
    return Ending(
        exit_code=result if result >= 0 else None,
        signal=-result if result < 0 else None,
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
            handles.append(os.open(path, flags, 0o644))
        except OSError as error:
            text = f"Failed to open '{path}': {error.strerror}"
            raise _OpenError(text, error.errno or 0) from error
        except ValueError as error:
            raise _OpenError(f"Failed to open '{path}': {error}", 0) from error
    return handles if len(handles) == 3 else [*handles, handles[1]]


def write_ending(path: Path, ending: Ending) -> None:
    """Write how an attempt ended; on a full disk this waits until there is room."""
    text = json.dumps({name: getattr(ending, name) for name in Ending.__slots__}).encode()
    temporary = path.with_name(f"{path.name}.part")
    while True:
        try:
            with temporary.open("wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.rename(path)
        except FileNotFoundError:
            return  # the project was deleted
        except OSError:
            time.sleep(1)
        else:
            return
