"""The process of a command: whether this is one, how it begins again, and how it ends."""

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
    """What a command began with."""

    folder: str | None
    environment: dict[str, str]


_command: _Command | None = None


def begin() -> None:
    """Note that a command begins.

    It is no command of the process's own where somebody else's program runs it: such a program is
    neither begun again nor ended.
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
        # SIGCHLD stays ignored across an exec. The kernel then reaps children by itself: nobody
        # learns how one ended, and each would pass for a success.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def is_command() -> bool:
    """Say whether this process was started to run a command of asimov, and runs it."""
    return _command is not None


def supervise() -> None:
    """Have a command's end told from its success, whatever ends its process."""
    if is_command():
        supervisor.supervise()


def again() -> NoReturn:
    """Replace the process by itself: the same command from its beginning.

    The environment is that of the command's start. That of the moment may hold the identity of an
    attempt, which everything that is submitted would inherit.
    """
    try:
        folder, environment = _command or _Command(None, dict(os.environ))
        if folder is not None:
            os.chdir(folder)
        environment = {**environment, **supervisor.handed_on()}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    finally:
        os._exit(1)


def end(code: int) -> None:
    """End the process at once, where a plugin has left something that Python would wait for.

    Parameters
    ----------
    code
        The exit code. Where nothing is left the caller exits as ever.
    """
    supervisor.ended()
    if not is_command() or not (_threads() or _forked()):
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or its reader has gone
            stream.flush()
    os._exit(code)


def _threads() -> bool:
    main = threading.main_thread()
    return any(each is not main and not each.daemon for each in threading.enumerate())


def _forked() -> bool:
    """Say whether the package `multiprocessing` would wait for processes that it started."""
    package = sys.modules.get("multiprocessing.process")
    return package is not None and any(not each.daemon for each in package.active_children())


def children() -> list[str]:
    """Return this process's children that are alive, as ``"123 (sleep)"``."""
    found = {child: processes.name_of(child) for child in processes.children(os.getpid())}
    return [f"{child} ({name})" for child, name in found.items() if name is not None]
