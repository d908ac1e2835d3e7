"""An SQLite database as it stands on disk, read into memory: nothing is written anywhere.

SQLite itself can't do that. To read a database in WAL mode it needs an index of the write-ahead
log in a file beside the database, and a reader may have to make that file. So the log is applied
here. A lock that SQLite's own readers hold too keeps the last writer from taking the log away.
A checkpoint may copy pages from the log into the database meanwhile, and these may be read torn;
but every such page is also in the log, which is read afterwards. Only when the log is begun again
are its pages gone. Its header has other salts then, and all is read once more.

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

#: The bytes of a database file that its readers lock: their first one and their number.
_LOCK = (0x40000002, 510)
#: The byte that a writer locks.
_RESERVED = 0x40000001
#: Seconds for which a lock is waited for, and for which a log that is begun again is followed.
_PATIENCE = 30.0
_LOG_HEADER, _FRAME_HEADER = 32, 24

#: The databases that this process has open by SQLite itself, by device and inode. A process that
#: closes any descriptor of a file loses all its locks on it: these must not be opened here.
_in_use: Counter[tuple[int, int]] = Counter()


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """Note that this process has a database open by SQLite itself."""
    key = _number(path)
    _in_use[key] += 1
    try:
        yield
    finally:
        _in_use[key] -= 1


def _number(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def stamp(path: Path) -> object:
    """Return what differs after each change of a database."""
    found = []
    for each in (path, _log(path)):
        try:
            status = each.stat()
        except FileNotFoundError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def snapshot(path: Path) -> sqlite3.Connection:
    """Return a database in memory that holds all that was committed before the call.

    It may be written to, and nobody will ever see what was written.

    Parameters
    ----------
    path
        The database.

    Raises
    ------
    OSError, sqlite3.Error
        Where it can't be read.
    """
    if not _in_use[_number(path)]:
        image = _image(path)
        if image is not None:
            return _of_image(image)
    # In rollback mode SQLite reads without writing. In a database that this process has open it
    # finds all the files that it needs.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            source.execute("PRAGMA busy_timeout = 30000")
            source.backup(copy)
        except BaseException:
            copy.close()
            raise
        return copy


def _image(path: Path) -> bytes | None:
    """Return the database with its log applied; None where it is in rollback mode."""
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
                return _applied(data, log)
            if time.monotonic() > deadline:
                raise sqlite3.OperationalError("the database is locked: it changes all the time")


def _lock(handle: int, deadline: float) -> None:
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, _LOCK[1], _LOCK[0])
        except (BlockingIOError, PermissionError) as error:  # a writer opens or closes it
            if time.monotonic() > deadline:
                raise sqlite3.OperationalError("the database is locked") from error
            time.sleep(0.005)
        except OSError:  # a file system without locks
            return
        else:
            return


def _refuse_hot(path: Path, handle: int) -> None:
    """Refuse a database in rollback mode with a transaction that nobody will end any more.

    SQLite would touch the transaction's journal before it sees that it may not undo it.
    """
    try:
        if not Path(f"{path}-journal").read_bytes()[:1].strip(b"\0"):
            return
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _RESERVED)
    except OSError:  # there is none, or its writer is alive
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


def _applied(data: bytes, log: bytes) -> bytes:
    """Return a database file with the committed pages of its log."""
    pages, size, length = _committed(log)
    image = bytearray(data)
    if pages:
        image = image[: length * size].ljust(length * size, b"\0")
        for number, start in pages.items():
            if number <= length:
                image[(number - 1) * size : number * size] = log[start : start + size]
    if len(image) >= 20:
        image[18:20] = b"\1\1"  # a database in memory has no log
    return bytes(image)


def _committed(log: bytes) -> tuple[dict[int, int], int, int]:
    """Return where in a log the newest committed page of each number begins.

    The page size and the database's length in pages come with it.
    """
    nothing: tuple[dict[int, int], int, int] = {}, 0, 0
    if len(log) < _LOG_HEADER:
        return nothing
    magic, _, size = struct.unpack(">3I", log[:12])
    if magic >> 1 != 0x377F0682 >> 1 or size not in {2**bits for bits in range(9, 17)}:
        return nothing
    words = array.array("I", log[: len(log) // 4 * 4])
    if (sys.byteorder == "big") != bool(magic & 1):
        words.byteswap()
    checked = _checksum(words[:6], (0, 0))
    if checked != struct.unpack(">2I", log[24:32]):
        return nothing
    seen: dict[int, int] = {}
    pages: dict[int, int] = {}
    length = 0
    for start in range(_LOG_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        number, commit, *salts, one, two = struct.unpack_from(">6I", log, start)
        if struct.pack(">2I", *salts) != log[16:24] or not number:
            break
        first = (start + _FRAME_HEADER) // 4
        checked = _checksum(words[start // 4 : start // 4 + 2], checked)
        checked = _checksum(words[first : first + size // 4], checked)
        if checked != (one, two):
            break
        seen[number] = start + _FRAME_HEADER
        if commit:
            pages.update(seen)
            seen.clear()
            length = commit
    return (pages, size, length) if length else nothing


def _checksum(words: array.array[int], before: tuple[int, int]) -> tuple[int, int]:
    one, two = before
    many = len(words) // 8 * 8
    pairs = iter(words[:many])
    # In large steps: a log of some megabytes would otherwise take as long as the whole command.
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
