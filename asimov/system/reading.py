"""Read files safely: regular files only, and only up to a size limit.

Reading a named pipe would block, a device has no end, and gigabytes would fill the memory.
"""

from __future__ import annotations

import errno
import os
import stat
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from asimov import text
from asimov.errors import AsimovError

#: The default size limit, in bytes. A ledger of ten thousand analyses has ten million.
LARGEST = 50_000_000

SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def contents(path: Path | str, *, most: int = LARGEST, piped: bool = False) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path
        The file.
    most
        The size limit, in bytes.
    piped
        Whether the file may be a pipe, or anything else that an open descriptor leads to.

    Raises
    ------
    AsimovError
        If it is no regular file, or larger than the limit.
    OSError
        If it can't be opened or read.
    """
    # Checked before it is opened: merely opening a device may have an effect.
    _refuse(os.stat(path), path, most, piped)  # noqa: PTH116  (thousands are read)
    flags = os.O_RDONLY | os.O_CLOEXEC | (0 if piped else os.O_NONBLOCK)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        _refuse(status, path, most, piped)
        if stat.S_ISREG(status.st_mode):
            data = os.read(handle, status.st_size + 1)
            if len(data) == status.st_size:  # and not one that grows, or has no size as in /proc
                return data
            os.lseek(handle, 0, os.SEEK_SET)
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return bounded(stream, path, most)
    finally:
        os.close(handle)


def opened(path: Path | str) -> BinaryIO:
    """Open a file of any size to read its bytes.

    Raises
    ------
    OSError
        If it can't be opened, or is no regular file: to open a named pipe would wait for a writer.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(handle, "rb")


def opened_text(path: Path | str, newline: str | None = None) -> TextIO:
    """Open a file as `opened` does, to read its text (UTF-8); `newline` is as for `open`."""
    return TextIOWrapper(opened(path), encoding="utf-8", newline=newline)


def bounded(stream: BinaryIO, name: Path | str, most: int = LARGEST) -> bytes:
    """Return the rest of a stream; raises `AsimovError` if it is longer than `most`."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise too_large(name, most)
    return data


def too_large(name: Path | str, most: int = LARGEST) -> AsimovError:
    """Return the error for a file that exceeds the limit."""
    return AsimovError(
        f"is larger than {_megabytes(most)}, the limit for such a file",
        where=name,
        hint="check that it is the right file, or split it",
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:g} MB"


def _refuse(status: os.stat_result, path: Path | str, most: int, piped: bool) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG:
        if status.st_size > most:
            raise too_large(path, most)
    elif kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    elif not (piped and kind in {stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK}):
        raise AsimovError(
            f"can't be read: it is {SPECIAL.get(kind, 'something else')}, not a regular file",
            where=path,
            hint=f"give a regular file of at most {_megabytes(most)}",
        )


def tail(path: Path, lines: int = 100) -> str:
    """Return the last lines of a text file, or why it can't be read."""
    try:
        with opened(path) as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 64_000))
            return "\n".join(text.of_bytes(stream.read()).splitlines()[-lines:])
    except OSError as error:
        return f"can't be read: {error.strerror}"
