"""Lock files that git leaves when it is killed: whose they are, and removing our own.

A git that is killed leaves its locks, and every later git refuses to work. Nothing in a lock says
who made it. So before a process starts git in a repository it leaves a *record* of itself in the
repository's ``.git``, and removes it afterwards; every git that it starts carries the record's
token in its environment. A record whose process and whose gits are dead explains the locks that
its user made in the next hour: they are removed, unless somebody has them open or another git is
at work there. Then the record is kept for the next time. Any other lock is somebody else's, and
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
from asimov.system.processes import ProcessIdentity, environment, this_start
from asimov.system.users import owner_of

#: The variable of the environment that carries a record's token.
TOKEN = "ASIMOV_GIT_RECORD"
#: What the clocks of a file server and of this machine may differ by, in seconds.
_CLOCKS = 2.0
#: How long it takes at most to write a record, in seconds.
_YOUNG = 60.0
#: How long the gits of a process that was killed are waited for, in seconds.
_PATIENCE = 10.0
#: How long a commit takes at most, in seconds: a lock that is made later is not a record's.
_LONGEST = 3600.0
#: How long another process of asimov in the repository is waited for, in seconds.
_TURN = 60.0
#: Where git keeps locks, and the temporary files that a killed one leaves.
_LOCKS = ("*.lock", "refs/**/*.lock", "objects/info/**/*.lock")
_TEMPORARY = ("objects/*/tmp_*", "objects/pack/.tmp-*", "index.stash.*")


class _Record(NamedTuple):
    """Who starts git in a repository; the file is named after the token."""

    token: str
    host: str
    start: str
    process: int
    started: str
    since: float
    tree: str = "."


@contextmanager
def at_work(folder: Path, tree: Path, report: Callable[[str], object]) -> Iterator[dict[str, str]]:
    """Be the only asimov in a repository for the block, in which git is run.

    The locks that processes left which were killed are removed first.

    Parameters
    ----------
    folder
        The ``.git``, of the main work tree where there are several.
    tree
        Where in it git keeps the index of the work tree.
    report
        Takes a line for each lock that was removed.

    Yields
    ------
    dict
        What the environment of each git must have.

    Raises
    ------
    AsimovError
        Where another asimov is at work, or a record can't be written.
    """
    with alone(folder):
        for line in mend(folder):
            report(line)
        with recorded(folder, tree) as token:
            yield token


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other process of asimov work in a repository during the block.

    On a file system without locks this does nothing.

    Parameters
    ----------
    folder
        The repository's ``.git``.

    Raises
    ------
    AsimovError
        Where another one works there for longer than a minute.
    """
    path = folder / "asimov.flock"
    handle = -1
    try:
        with suppress(OSError):  # git says what is wrong, if it can't write there either
            handle = _opened(path)
        deadline = time.monotonic() + _TURN
        while handle >= 0 and not _taken(handle):
            if time.monotonic() > deadline:
                raise AsimovError(
                    "another asimov is at work in this repository",
                    where=path,
                    hint="the next pass tries again; if it hangs, end that process",
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
    except PermissionError:  # another user's: on most file systems reading is enough
        return os.open(path, how | os.O_RDONLY)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # there are no locks
        return True
    return True


@contextmanager
def recorded(folder: Path, tree: Path | None = None) -> Iterator[dict[str, str]]:
    """Leave a record in a repository's ``.git`` for the block, in which git is run.

    Parameters
    ----------
    folder
        The ``.git``, of the main work tree where there are several.
    tree
        Where in it git keeps the index of the work tree, if that is not the main one.

    Yields
    ------
    dict
        What the environment of each git must have.

    Raises
    ------
    AsimovError
        Where the record can't be written: git could not write there either.
    """
    own = ProcessIdentity.own()
    token = uuid.uuid4().hex
    record = _Record(
        token,
        os.uname().nodename,
        this_start(),
        own.pid,
        own.start,
        time.time(),
        str((tree or folder).relative_to(folder)),
    )
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
        if not was_killed(error):  # its locks are still there, for the next one to remove
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def was_killed(error: BaseException) -> bool:
    """Say whether an error is that a git was ended by a signal."""
    status = getattr(error, "status", None)
    return isinstance(status, int) and status < 0


def mend(folder: Path) -> list[str]:
    """Remove the locks that processes of asimov left which were killed.

    Parameters
    ----------
    folder
        The repository's ``.git``.

    Returns
    -------
    list of str
        A line for each lock.
    """
    told: list[str] = []
    for path in folder.glob("asimov-*.json"):
        if not _is_mine(path):
            continue
        record = _read(path)
        if record is None:  # it was cut short as it was written, and no git was started
            if _age(path) > _YOUNG:
                path.unlink(missing_ok=True)
        elif not _is_alive(record) and not processes.at_work(folder):
            told += _clear(folder, record)
            path.unlink(missing_ok=True)
    return told


def _clear(folder: Path, record: _Record) -> Iterator[str]:
    """Remove what the gits of a record have left; yield a line for each lock."""
    for lock in _made(folder, (*_LOCKS, f"{record.tree}/*.lock"), record):
        if processes.opener(lock) is None:
            lock.unlink(missing_ok=True)
            yield f"{lock}: removed, since the asimov or the git that made it was killed"
    for left in _made(folder, _TEMPORARY, record):
        left.unlink(missing_ok=True)


def blocking(folder: Path, words: str) -> AsimovError | None:
    """Return the error that tells of a lock which git has met; None where it met none.

    Parameters
    ----------
    folder
        The repository's ``.git``.
    words
        What git said.
    """
    for pattern in (*_LOCKS, "worktrees/*/*.lock"):
        for path in sorted(folder.glob(pattern)):
            if path.name not in words:
                continue
            with suppress(OSError):
                user = owner_of(path)
                return AsimovError(
                    f"git: the repository is locked by this file, {clock.age(_age(path))} old, of "
                    f"user {user}; {_holder(folder, path)}",
                    where=path,
                    hint="the next pass tries again; if no git is at work there, on any machine, "
                    "remove the file",
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
    """Say whether a recorded process, or a git that it started, may still be at work."""
    if record.host != os.uname().nodename:
        return True  # of another machine this one knows nothing
    if record.start != this_start():
        # Another container may live on this machine; one start of it is not another's.
        return record.start.split()[:1] == this_start().split()[:1]
    # Of this process's own records only one is in use, which is not written yet.
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
    """Return this user's files that may have been made for a record."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):
                after = path.lstat().st_mtime - record.since
                if _is_mine(path) and -_CLOCKS < after < _LONGEST:
                    yield path


def _holder(folder: Path, lock: Path) -> str:
    """Say who has a lock open, or is at work in the repository."""
    if opener := processes.opener(lock):
        return f"{opener} has it open"
    if at_work := processes.at_work(folder):
        return f"git is at work there: {', '.join(at_work)}"
    others = [each for path in folder.glob("asimov-*.json") if (each := _read(path))]
    if others:
        return f"asimov is, or was, at work there: process {others[0].process} on {others[0].host}"
    return "no process on this machine has it open"
