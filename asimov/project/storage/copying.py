"""Copy files with a checksum, and detect files that change while they are read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from asimov import text
from asimov.errors import AsimovError

_BLOCK = 1 << 20


def known_checksum(path: str | Path) -> str | None:
    """Return a file's SHA-256; None if it can't be read."""
    try:
        return checksum(path)
    except AsimovError:
        return None


def kept_checksum(path: str | Path, status: os.stat_result) -> str | None:
    """Return a file's SHA-256; it is kept until the file changes. None if it can't be read.

    Parameters
    ----------
    path
        The file.
    status
        What `os.stat` says of it now.
    """
    return _kept(str(path), status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4096)
def _kept(path: str, *_: int) -> str | None:
    return known_checksum(path)


def checksum(path: str | Path, expected: os.stat_result | None = None) -> str:
    """Return a file's SHA-256.

    Parameters
    ----------
    path
        The file.
    expected
        The file as it was seen before. If given, no link is followed and no other file accepted.

    Raises
    ------
    AsimovError
        If it can't be read, is not a regular file, is not the one that was seen before, or changes
        while it is read.
    """
    digest = hashlib.sha256()
    for block in _blocks(path, expected):
        digest.update(block)
    return digest.hexdigest()


def copy(source: str | Path, target: Path, expected: os.stat_result) -> str:
    """Copy a regular file, read-only; blocks of zeros become holes. The caller syncs it.

    Parameters
    ----------
    source
        The file.
    target
        The copy; it replaces one from an earlier attempt.
    expected
        The source as it was seen before.

    Returns
    -------
    str
        The SHA-256 of the file.

    Raises
    ------
    AsimovError
        As `checksum` does.
    OSError
        If the copy can't be written.
    """
    digest = hashlib.sha256()
    with suppress(FileNotFoundError):
        target.unlink()
    with target.open("xb", buffering=0) as stream:
        os.fchmod(stream.fileno(), 0o600)
        for block in _blocks(source, expected):
            digest.update(block)
            if block.count(0) == len(block):
                stream.seek(len(block), os.SEEK_CUR)
                continue
            left = memoryview(block)
            while left:
                left = left[stream.write(left) :]
        stream.truncate(expected.st_size)
        os.fchmod(stream.fileno(), stored_mode(expected))
    return digest.hexdigest()


def stored_mode(status: os.stat_result) -> int:
    """Return the mode of a copy: that of the source, always readable for its owner.

    A file's copy is read-only. A folder's is not: its contents can be moved aside.
    """
    if stat.S_ISDIR(status.st_mode):
        return permissions(status) | 0o700
    return (permissions(status) | 0o400) & ~0o222


def permissions(status: os.stat_result) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(status.st_mode) & 0o777


def _blocks(path: str | Path, expected: os.stat_result | None) -> Iterator[bytes]:
    """Yield the content of a regular file; never wait for or read what may have replaced it."""
    follow = 0 if expected is None else os.O_NOFOLLOW
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | follow)
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise _unreadable(path, "it is not a regular file")
        if _identity(before) != _identity(expected or before):
            raise _changed(path)
        left = before.st_size
        while block := _read(handle, path):
            left -= len(block)
            if left < 0:
                break
            yield block
        if left or _identity(os.fstat(handle)) != _identity(before):
            raise _changed(path)
    finally:
        os.close(handle)


def _read(handle: int, path: str | Path) -> bytes:
    try:
        return os.read(handle, _BLOCK)
    except OSError as error:
        raise _unreadable(path, error.strerror) from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # The modification time can be set back; the change time can't.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed(path: str | Path) -> AsimovError:
    return AsimovError("changed while it was being stored", where=text.line(str(path)))


def _unreadable(path: str | Path, why: str | None) -> AsimovError:
    return AsimovError(f"can't be read: {why}", where=text.line(str(path)))
