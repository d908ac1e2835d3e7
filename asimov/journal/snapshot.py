"""Read an SQLite database on disk into memory without writing any file.

SQLite itself can't do that: to read a database in WAL mode it needs an index of the write-ahead log
in a file beside the database, which a reader may have to create. So the log is applied here. A
lock, which SQLite's own readers hold too, keeps the last writer from removing the log. A checkpoint
may copy pages from the log into the database at the same time, and these may be read torn; but
every such page is also in the log, which is read afterwards. Only when the log is restarted are its
pages gone. Its header has other salts then, and everything is read again.

The formats: https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import array
import fcntl
import os
import sqlite3
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

#: The bytes of a database file that its readers lock: their first one and their number.
_LOCK = (0x40000002, 510)
#: The byte that a writer locks.
_RESERVED = 0x40000001
#: How long to wait for a lock, and to follow a log that keeps being restarted, in seconds.
_PATIENCE = 30.0
_LOG_HEADER, _FRAME_HEADER = 32, 24

#: The databases that SQLite has open in this process, by device and inode. A process that
#: closes any descriptor of a file loses all its locks on it: these must not be opened here.
_in_use: Counter[tuple[int, int]] = Counter()


class Verified(NamedTuple):
    """The part of a log up to a commit: nothing in it changes until the log has another header.

    Attributes
    ----------
    end
        Where it ends.
    last
        The header of its last frame.
    checked
        The running checksum at the end.
    pages
        The offset of the newest version of each page.
    length
        The length of the database in pages; 0 if nothing was committed.
    """

    end: int
    last: bytes
    checked: tuple[int, int]
    pages: dict[int, int]
    length: int

    def is_in(self, log: bytes, size: int) -> bool:
        """Return whether a log with this header still has that part."""
        start = self.end - _FRAME_HEADER - size
        return not self.last or log[start : start + _FRAME_HEADER] == self.last


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """Note that SQLite has a database open in this process."""
    key = number_of(path)
    _in_use[key] += 1
    try:
        yield
    finally:
        _in_use[key] -= 1


def number_of(path: Path) -> tuple[int, int]:
    """Return what a file keeps while it is renamed: its device and inode."""
    status = path.stat()
    return status.st_dev, status.st_ino


def stamp(path: Path) -> object:
    """Return a value that differs after each change of a database."""
    found = []
    for each in (path, _log(path)):
        try:
            status = each.stat()
        except FileNotFoundError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def snapshot(path: Path, verified: dict[bytes, Verified] | None = None) -> sqlite3.Connection:
    """Return a copy in memory of everything committed to a database before the call.

    Writing to the copy changes nothing on disk.

    Parameters
    ----------
    path
        The database.
    verified
        What was verified of its log, by the log's header; it is brought up to date. Who reads
        often keeps it, and has only the new part verified.

    Raises
    ------
    OSError, sqlite3.Error
        If it can't be read.
    """
    if not _in_use[number_of(path)]:
        image = _image(path, {} if verified is None else verified)
        if image is not None:
            return _of_image(image)
    # In rollback mode SQLite reads without writing. In a database that this process has open it
    # finds all the files it needs.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            source.execute("PRAGMA busy_timeout = 30000")
            source.backup(copy)
        except BaseException:
            copy.close()
            raise
        return copy


def _image(path: Path, verified: dict[bytes, Verified]) -> bytes | None:
    """Return the database with its log applied; None if it is in rollback mode."""
    deadline = time.monotonic() + _PATIENCE
    with path.open("rb", buffering=0) as file:
        _lock(file.fileno(), deadline)
        while True:
            before = _head(path)
            file.seek(0)
            data = file.read()
            if len(data) >= 20 and data[18:20] == b"\1\1":
                _refuse_hot(path, file.fileno())
                return None
            try:
                log = _log(path).read_bytes()
            except FileNotFoundError:
                log = b""
            if _head(path) == before == log[:_LOG_HEADER]:
                return _applied(data, log, verified)
            if time.monotonic() > deadline:
                raise sqlite3.OperationalError("the database is locked: it changes all the time")


def _lock(handle: int, deadline: float) -> None:
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, _LOCK[1], _LOCK[0])
        except (BlockingIOError, PermissionError) as error:  # a writer is opening or closing it
            if time.monotonic() > deadline:
                raise sqlite3.OperationalError(
                    "the database is locked by a program that opens or closes it"
                ) from error
            time.sleep(0.005)
        except OSError:  # a file system without locks
            return
        else:
            return


def _refuse_hot(path: Path, handle: int) -> None:
    """Refuse a database in rollback mode whose last transaction was cut short.

    SQLite would touch the rollback journal before it notices that it may not roll back.
    """
    try:
        if not Path(f"{path}-journal").read_bytes()[:1].strip(b"\0"):
            return
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _RESERVED)
    except OSError:  # there is no journal, or its writer is alive
        return
    raise sqlite3.OperationalError("a change of it was cut short, and is yet to be undone")


def _log(path: Path) -> Path:
    return Path(f"{path}-wal")


def _head(path: Path) -> bytes:
    try:
        with _log(path).open("rb", buffering=0) as file:
            return file.read(_LOG_HEADER)
    except FileNotFoundError:
        return b""


def _applied(data: bytes, log: bytes, verified: dict[bytes, Verified]) -> bytes:
    """Apply the committed pages of a log to a database file."""
    pages, size, length = _committed(log, verified)
    image = bytearray(data)
    if pages:
        image = image[: length * size].ljust(length * size, b"\0")
        for number, start in pages.items():
            if number <= length:
                image[(number - 1) * size : number * size] = log[start : start + size]
    if len(image) >= 20:
        image[18:20] = b"\1\1"  # a database in memory has no log
    return bytes(image)


def _committed(log: bytes, verified: dict[bytes, Verified]) -> tuple[dict[int, int], int, int]:
    """Return the offset in a log of the newest committed version of each page.

    Also return the page size and the length of the database in pages.
    """
    nothing: tuple[dict[int, int], int, int] = {}, 0, 0
    if len(log) < _LOG_HEADER:
        return nothing
    magic, _, size = struct.unpack(">3I", log[:12])
    if magic >> 1 != 0x377F0682 >> 1 or size not in {2**bits for bits in range(9, 17)}:
        return nothing
    swapped = (sys.byteorder == "big") != bool(magic & 1)
    known = verified.get(log[:_LOG_HEADER])
    verified.clear()
    if known is None or not known.is_in(log, size):
        checked = _checksum(_words(log[:24], swapped), (0, 0))
        if checked != struct.unpack(">2I", log[24:32]):
            return nothing
        known = Verified(_LOG_HEADER, b"", checked, {}, 0)
    seen: dict[int, int] = {}
    checked, pages = known.checked, dict(known.pages)
    begin = known.end
    words = _words(log[begin : len(log) // 4 * 4], swapped)
    for start in range(begin, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        number, commit, *salts, one, two = struct.unpack_from(">6I", log, start)
        if struct.pack(">2I", *salts) != log[16:24] or not number:
            break
        here = (start - begin) // 4
        first = here + _FRAME_HEADER // 4
        checked = _checksum(words[here : here + 2], checked)
        checked = _checksum(words[first : first + size // 4], checked)
        if checked != (one, two):
            break
        seen[number] = start + _FRAME_HEADER
        if commit:
            pages.update(seen)
            seen.clear()
            end = start + _FRAME_HEADER + size
            known = Verified(end, log[start : start + _FRAME_HEADER], checked, pages, commit)
    verified[log[:_LOG_HEADER]] = known
    return (known.pages, size, known.length) if known.length else nothing


def _words(part: bytes, swapped: bool) -> array.array[int]:
    words = array.array("I", part)
    if swapped:
        words.byteswap()
    return words


def _checksum(words: array.array[int], before: tuple[int, int]) -> tuple[int, int]:
    one, two = before
    many = len(words) // 8 * 8
    pairs = iter(words[:many])
    # In large steps: otherwise a log of some megabytes takes as long as the whole command.
    for a, b, c, d, e, f, g, h in zip(*[pairs] * 8, strict=True):
        one += a + two
        two += b + one
        one += c + two
        two += d + one
        one += e + two
        two += f + one
        one += g + two
        two += h + one
        one &= 0xFFFFFFFF
        two &= 0xFFFFFFFF
    for even, odd in zip(words[many::2], words[many + 1 :: 2], strict=True):
        one = one + even + two & 0xFFFFFFFF
        two = two + odd + one & 0xFFFFFFFF
    return one, two


def _of_image(image: bytes) -> sqlite3.Connection:
    if not image:
        return sqlite3.connect(":memory:", isolation_level=None)
    made = sqlite3.connect(":memory:", isolation_level=None)
    deserialize = getattr(made, "deserialize", None)
    if deserialize is not None:
        deserialize(image)
        return made
    # Python 3.10: by a file that is deleted before anything is read from it.
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.NamedTemporaryFile(prefix="asimov-", dir=folder) as file:
        file.write(image)
        file.flush()
        with closing(sqlite3.connect(f"file:{file.name}?immutable=1", uri=True)) as source:
            source.backup(made)
    return made
