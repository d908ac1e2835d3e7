"""Remove the lock files that our own git left when it was killed; report all others.

A killed git leaves its locks, and every later git refuses to work. A lock does not say who made it.
So before a process starts git in a repository, it writes a *record* of itself to the repository's
``.git``, and removes it afterwards; each git that it starts carries the record's token in its
environment. If the process and its gits are dead, the record explains the locks that the same user
made within an hour: they are removed, unless they are open or another git works in the repository.
In that case the record is kept for the next time. All other locks belong to somebody else and are
only reported.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov.errors import AsimovError
from asimov.project.git import processes
from asimov.system import clock
from asimov.system.files import unwritable
from asimov.system.processes import Holder, ProcessIdentity, environment, this_start
from asimov.system.users import owner_of

#: The environment variable that carries a record's token.
TOKEN = "ASIMOV_GIT_RECORD"
#: How far the clocks of a file server and this machine may differ, in seconds.
_CLOCKS = 2.0
#: The longest time to write a record, in seconds.
_YOUNG = 60.0
#: How long to wait for the gits of a killed process to end, in seconds.
_PATIENCE = 10.0
#: The longest time for a commit, in seconds: a later lock does not belong to a record.
_LONGEST = 3600.0
#: How long to wait for another asimov process in the repository, in seconds.
_TURN = 60.0
#: Where git keeps locks, and the temporary files that it leaves when it is killed.
_LOCKS = ("*.lock", "refs/**/*.lock", "objects/info/**/*.lock")
_TEMPORARY = ("objects/*/tmp_*", "objects/pack/.tmp-*", "index.stash.*")


class _Record(NamedTuple):
    """The process that starts git in a repository; the record's file is named after the token."""

    token: str
    host: str
    start: str
    process: int
    started: str
    since: float
    tree: str = "."


@contextmanager
def at_work(folder: Path, tree: Path, report: Callable[[str], object]) -> Iterator[dict[str, str]]:
    """Work in a repository as the only asimov process, and run git within the block.

    Locks left by killed processes are removed first.

    Parameters
    ----------
    folder
        The ``.git`` of the main work tree.
    tree
        Where in it git keeps the index of this work tree.
    report
        Called with a line for each lock that was removed.

    Yields
    ------
    dict
        The environment variables that each git needs.

    Raises
    ------
    AsimovError
        If another asimov works there for too long, or a record can't be written.
    """
    with alone(folder):
        for line in mend(folder):
            report(line)
        with recorded(folder, tree) as token:
            yield token


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other asimov processes out of a repository within the block.

    This does nothing on a file system without locks.

    Parameters
    ----------
    folder
        The repository's ``.git``.

    Raises
    ------
    AsimovError
        If another one works there for longer than a minute.
    """
    path = folder / "asimov.flock"
    handle = -1
    try:
        with suppress(OSError):  # if git can't write there either, it says why
            handle = _opened(path)
        deadline = time.monotonic() + _TURN
        while handle >= 0 and not _taken(handle):
            if time.monotonic() > deadline:
                raise AsimovError(
                    "another asimov process is using this repository",
                    where=path,
                    hint="the next pass of 'asimov monitor' tries again; if that process hangs, "
                    "kill it",
                )
            time.sleep(0.02)
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def _opened(path: Path) -> int:
    how = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, how | os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:  # another user's; on most file systems reading is enough to lock
        return os.open(path, how | os.O_RDONLY)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks
        return True
    return True


@contextmanager
def recorded(folder: Path, tree: Path | None = None) -> Iterator[dict[str, str]]:
    """Keep a record in a repository's ``.git`` within the block, in which git runs.

    Parameters
    ----------
    folder
        The ``.git`` of the main work tree.
    tree
        Where in it git keeps the index of this work tree, if it is not the main one.

    Yields
    ------
    dict
        The environment variables that each git needs.

    Raises
    ------
    AsimovError
        If the record can't be written: git could not write there either.
    """
    token = uuid.uuid4().hex
    inside = str((tree or folder).relative_to(folder))
    record = _Record(token, *Holder.own(), time.time(), inside)
    path = folder / f"asimov-{token}.json"
    try:
        with path.open("xb") as stream:
            stream.write(msgspec.json.encode(record))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise unwritable(error, folder) from error
    try:
        yield {TOKEN: token}
    except BaseException as error:
        if not was_killed(error):  # its locks are still there, for the next process to remove
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def was_killed(error: BaseException) -> bool:
    """Say whether an error means that git was killed by a signal."""
    status = getattr(error, "status", None)
    return isinstance(status, int) and status < 0


def mend(folder: Path) -> list[str]:
    """Remove the locks that killed asimov processes left.

    Parameters
    ----------
    folder
        The repository's ``.git``.

    Returns
    -------
    list of str
        A line for each lock that was removed.
    """
    removed: list[str] = []
    for path in folder.glob("asimov-*.json"):
        if not _is_mine(path):
            continue
        record = _read(path)
        if record is None:  # writing it was interrupted, so no git was started
            if _age(path) > _YOUNG:
                path.unlink(missing_ok=True)
        elif not _is_alive(record) and not processes.at_work(folder):
            removed += _clear(folder, record)
            path.unlink(missing_ok=True)
    return removed


def _clear(folder: Path, record: _Record) -> Iterator[str]:
    """Remove what the gits of a record left; yield a line for each lock."""
    for lock in _made(folder, (*_LOCKS, f"{record.tree}/*.lock"), record):
        if processes.opener(lock) is None:
            lock.unlink(missing_ok=True)
            yield f"{lock}: removed, since the asimov or the git that made it was killed"
    for left in _made(folder, _TEMPORARY, record):
        left.unlink(missing_ok=True)


def blocking(folder: Path, words: str) -> AsimovError | None:
    """Return the error to report if a lock stopped git; None if none did.

    Parameters
    ----------
    folder
        The repository's ``.git``.
    words
        What git printed.
    """
    for pattern in (*_LOCKS, "worktrees/*/*.lock"):
        for path in sorted(folder.glob(pattern)):
            if path.name not in words:
                continue
            with suppress(OSError):
                user = owner_of(path)
                return AsimovError(
                    f"git: this file locks the repository; it is {clock.age(_age(path))} old and "
                    f"belongs to user {user}; {_holder(folder, path)}",
                    where=path,
                    hint="the next pass of 'asimov monitor' tries again; if no git process is "
                    "running there, on any machine, remove the file",
                )
    return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError):
        return None


def _is_alive(record: _Record) -> bool:
    """Say whether a recorded process, or a git that it started, may still be alive."""
    if record.host != os.uname().nodename:
        return True  # on another machine, where we can't look
    if record.start != this_start():
        # It may live in another container on this machine, unless the machine was restarted.
        return record.start.split()[:1] == this_start().split()[:1]
    # This process uses one record at a time, and has not written that one yet.
    other = record.process != os.getpid()
    if other and ProcessIdentity(record.process, record.started).alive:
        return True
    variable = f"{TOKEN}={record.token}"
    deadline = time.monotonic() + _PATIENCE
    while any(variable in environment(pid) for pid in processes.running()):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _is_mine(path: Path) -> bool:
    with suppress(OSError):
        return path.lstat().st_uid == os.geteuid()
    return False


def _made(folder: Path, patterns: tuple[str, ...], record: _Record) -> Iterator[Path]:
    """Yield this user's files that may belong to a record."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):
                after = path.lstat().st_mtime - record.since
                if _is_mine(path) and -_CLOCKS < after < _LONGEST:
                    yield path


def _holder(folder: Path, lock: Path) -> str:
    """Describe who has a lock open, or works in the repository."""
    if opener := processes.opener(lock):
        return f"{opener} has it open"
    if at_work := processes.at_work(folder):
        return f"git is running there: {', '.join(at_work)}"
    others = [each for path in folder.glob("asimov-*.json") if (each := _read(path))]
    if others:
        return f"asimov is or was working there: process {others[0].process} on {others[0].host}"
    return "no process on this machine has it open"
