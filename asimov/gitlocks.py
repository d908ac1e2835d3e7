"""Lock files that git leaves when it is killed: whose they are, and removing our own.

A git that is killed leaves its locks, and every later git refuses to work. Nothing in a lock says
who made it. So before a process starts git in a repository it leaves a *record* of itself in the
repository's ``.git``, and removes it afterwards; every git that it starts carries the record's
token in its environment. A record whose process and whose gits are dead explains the locks made
since: they are removed. Any other lock is somebody else's, and only reported.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov.errors import AsimovError
from asimov.files import unwritable
from asimov.processes import started_at, this_start
from asimov.users import owner_of

#: The variable of the environment that carries a record's token.
TOKEN = "ASIMOV_GIT_RECORD"
#: What the clocks of a file server and of this machine may differ by, in seconds.
_CLOCKS = 2.0
#: How long it takes at most to write a record, in seconds.
_YOUNG = 60.0
#: How long the gits of a process that was killed are waited for, in seconds.
_PATIENCE = 10.0
#: Where git keeps locks, and the temporary files that a killed one leaves.
_LOCKS = ("*.lock", "refs/**/*.lock", "worktrees/*/*.lock", "objects/info/**/*.lock")
_TEMPORARY = ("objects/*/tmp_*", "objects/pack/.tmp-*", "index.stash.*")


class _Record(NamedTuple):
    """Who starts git in a repository; the file is named after the token."""

    token: str
    host: str
    start: str
    process: int
    started: str
    since: float


@contextmanager
def recorded(folder: Path) -> Iterator[dict[str, str]]:
    """Leave a record in a repository's ``.git`` for the block, in which git is run.

    Parameters
    ----------
    folder
        The ``.git``, of the main work tree where there are several.

    Yields
    ------
    dict
        What the environment of each git must have.

    Raises
    ------
    AsimovError
        Where the record can't be written: git could not write there either.
    """
    own = os.getpid()
    token = uuid.uuid4().hex
    record = _Record(
        token, os.uname().nodename, this_start(), own, started_at(own) or "", time.time()
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
    finally:
        path.unlink(missing_ok=True)


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
    told = []
    for path in folder.glob("asimov-*.json"):
        record = _read(path)
        if record is None:  # it was cut short as it was written, and no git was started
            if _age(path) > _YOUNG:
                path.unlink(missing_ok=True)
            continue
        if _is_alive(record):
            continue
        user = os.geteuid()
        with suppress(FileNotFoundError):
            if not _others_at_work(folder):
                for lock in _made_since(folder, _LOCKS, record.since, user):
                    lock.unlink(missing_ok=True)
                    told.append(f"{lock}: removed, since the asimov that made it was killed")
                for left in _made_since(folder, _TEMPORARY, record.since, user):
                    left.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    return told


def blocking(folder: Path, words: str) -> AsimovError | None:
    """Return the error that tells of a lock which git has met; None where it met none.

    Parameters
    ----------
    folder
        The repository's ``.git``.
    words
        What git said.
    """
    for pattern in _LOCKS:
        for path in sorted(folder.glob(pattern)):
            if path.name not in words:
                continue
            with suppress(OSError):
                user = owner_of(path)
                return AsimovError(
                    f"git: the repository is locked by this file, {_words(_age(path))} old, of "
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
    if started_at(record.process) == record.started:
        return True
    deadline = time.monotonic() + _PATIENCE
    while any(_carries(pid, record.token) for pid in _gits()):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _gits() -> Iterator[int]:
    """Return the processes of git that are at work."""
    for name in os.listdir("/proc"):  # noqa: PTH208  (paths would cost more than the rest)
        if name.isdigit():
            with suppress(OSError):
                words = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
                command = Path(words.partition("\0")[0]).name
                # What only waits to be asked for objects writes nothing.
                if command.startswith("git") and "--batch" not in words:
                    yield int(name)


def _carries(pid: int, token: str) -> bool:
    with suppress(OSError):
        return f"{TOKEN}={token}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _others_at_work(folder: Path) -> list[str]:
    """Return the gits that are at work in a repository on this machine, as far as one may see."""
    found = []
    for pid in _gits():
        with suppress(OSError):
            where = Path(f"/proc/{pid}/cwd").readlink()
            if where == folder.parent or folder in (where, *where.parents):
                found.append(f"process {pid}")
    return found


def _made_since(folder: Path, patterns: tuple[str, ...], since: float, user: int) -> Iterator[Path]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            with suppress(OSError):
                status = path.lstat()
                if status.st_uid == user and status.st_mtime > since - _CLOCKS:
                    yield path


def _holder(folder: Path, lock: Path) -> str:
    """Say who has a lock open, or is at work in the repository."""
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        with suppress(OSError):
            for handle in Path(f"/proc/{name}/fd").iterdir():
                if handle.readlink() == lock:
                    command = Path(f"/proc/{name}/comm").read_text().strip()
                    return f"process {name} ({command}) has it open"
    at_work = _others_at_work(folder)
    if at_work:
        return f"git is at work there: {', '.join(at_work)}"
    others = [each for path in folder.glob("asimov-*.json") if (each := _read(path))]
    if others:
        return f"asimov is, or was, at work there: process {others[0].process} on {others[0].host}"
    return "no process on this machine has it open"


def _words(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
