"""The process that runs an asimov command: its start, its restart and its exit."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NamedTuple, NoReturn

from asimov.system import processes
from asimov.system.supervision import supervisor


class _Command(NamedTuple):
    """The folder and the environment that a command started with."""

    folder: str | None
    environment: dict[str, str]


_command: _Command | None = None


def begin() -> None:
    """Record that a command starts.

    A command that another program runs in its own process does not count: that program is neither
    restarted nor ended.
    """
    global _command  # noqa: PLW0603  (a process runs one)
    supervisor.adopt()
    given = sys.argv[1:]
    _command = None
    if given and sys.orig_argv[-len(given) :] == given:
        folder = None
        with suppress(OSError):
            folder = os.getcwd()  # noqa: PTH109  (a Path is not needed to go back there)
        _command = _Command(folder, dict(os.environ))
        # An ignored SIGCHLD stays ignored across an exec. The kernel then reaps children by itself:
        # their exit codes are lost, and each would pass for a success.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def is_command() -> bool:
    """Return whether this process was started to run an asimov command, and is running it."""
    return _command is not None


def supervise() -> None:
    """Supervise the command, so that an early end of its process never passes for success."""
    if is_command():
        supervisor.supervise()


def again() -> NoReturn:
    """Restart the command in this process.

    It gets the environment that the command started with. The current one may hold the identity of
    an attempt, which everything submitted later would inherit.
    """
    try:
        folder, environment = _command or _Command(None, dict(os.environ))
        if folder is not None:
            os.chdir(folder)
        environment = {**environment, **supervisor.handed_on()}
        # A timer survives an exec, its handler does not: the alarm would end the new program.
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    finally:
        os._exit(1)


def end(code: int) -> None:
    """Exit at once if a plugin has left something running that Python would wait for.

    Parameters
    ----------
    code
        The exit code. If nothing is left running, the caller exits as usual.
    """
    supervisor.ended()
    if not is_command() or not (_threads() or _forked()):
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or its reader is gone
            stream.flush()
    os._exit(code)


def _threads() -> bool:
    main = threading.main_thread()
    return any(each is not main and not each.daemon for each in threading.enumerate())


def _forked() -> bool:
    """Return whether the package `multiprocessing` would wait for processes that it started."""
    package = sys.modules.get("multiprocessing.process")
    return package is not None and any(not each.daemon for each in package.active_children())


def children() -> list[str]:
    """Return this process's living children, as ``"123 (sleep)"``."""
    found = {child: processes.name_of(child) for child in processes.children(os.getpid())}
    return [f"{child} ({name})" for child, name in found.items() if name is not None]
