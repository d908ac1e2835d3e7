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

#: The bytes of a database file that its readers lock: their first one and their number.
_LOCK = (0x40000002, 510)
#: The byte that a writer locks.
_RESERVED = 0x40000001
#: How long to wait for a lock, and to follow a log that keeps being restarted, in seconds.
_PATIENCE = 30.0
_LOG_HEADER, _FRAME_HEADER = 32, 24
#: Before Linux 6.13, files that are written within so many nanoseconds may get the same time. The
#: kernel's clock ticks at least 100 times a second.
_TICK_NS = 20_000_000

#: The databases that SQLite has open in this process, by device and inode. A process that
#: closes any descriptor of a file loses all its locks on it: these must not be opened here.
_in_use: Counter[tuple[int, int]] = Counter()


class Kept:
    """What a process that reads a database often keeps of it between two snapshots.

    While the log has the same header, only pages that are in the log get into the database. So what
    was read of it once stays right, and only what was added to the log is read and verified.

    Attributes
    ----------
    image
        The database, with the log applied up to a commit.
    header
        The header of the log; empty if all has to be read again.
    """

    def __init__(self) -> None:
        self.image = bytearray()
        self.header = b""
        self._inode = 0
        #: Of the part of the log up to that commit: its end, the header of its last frame, and the
        #: running checksum.
        self._end = 0
        self._last = b""
        self._checked = (0, 0)

    def goes_on(self, header: bytes, inode: int) -> bool:
        """Return whether what was read before is still right, with the log of a header."""
        return bool(self.header) and (self.header, self._inode) == (header, inode)

    def begin(self, image: bytearray, inode: int) -> None:
        """Begin with a database that was read as a whole."""
        self.image, self._inode = image, inode
        self.header = self._last = b""
        self._end = _LOG_HEADER

    @property
    def start(self) -> int:
        """Where to read the log from: from the last frame that is known, to recognise it."""
        return self._end - (_FRAME_HEADER + _format(self.header)[0] if self._last else 0)

    def add(self, header: bytes, log: bytes) -> bool:
        """Apply what was committed to a log since; return False if it is another log.

        Parameters
        ----------
        header, log
            Its header, and the rest of it from `start` on.
        """
        size, swapped = _format(header)
        if not self.header:
            if not size:  # there is no log, or none that counts
                return True
            self._checked = _checksum(_words(header[:24], swapped), (0, 0))
            if self._checked != struct.unpack(">2I", header[24:32]):
                return True
            self.header = header
        elif not log.startswith(self._last):
            self.header = b""
            return False
        begin = _FRAME_HEADER + size if self._last else 0
        checked, length = self._checked, 0
        seen: dict[int, int] = {}
        pages: dict[int, int] = {}
        words = _words(log[begin : len(log) // 4 * 4], swapped)
        offset = self._end - begin
        for start in range(begin, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
            number, commit, *salts, one, two = struct.unpack_from(">6I", log, start)
            if struct.pack(">2I", *salts) != header[16:24] or not number:
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
                length = commit
                self._checked = checked
                self._last = log[start : start + _FRAME_HEADER]
                self._end = offset + start + _FRAME_HEADER + size
        if pages:
            self._apply(log, pages, size, length)
        return True

    def _apply(self, log: bytes, pages: dict[int, int], size: int, length: int) -> None:
        """Apply the newest committed pages of a log to the image."""
        del self.image[length * size :]
        self.image.extend(bytes(length * size - len(self.image)))
        for number, start in pages.items():
            if number <= length:
                self.image[(number - 1) * size : number * size] = log[start : start + size]


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
    """Return a value that differs after each change of a database.

    Right after a change it differs each time: the next change may come with the same time.
    """
    found: list[object] = []
    for each in (path, _log(path)):
        try:
            status = each.stat()
        except FileNotFoundError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
            if abs(time.time_ns() - status.st_mtime_ns) < _TICK_NS:
                found.append(object())
    return tuple(found)


def snapshot(path: Path, kept: Kept | None = None) -> sqlite3.Connection:
    """Return a copy in memory of everything committed to a database before the call.

    Writing to the copy changes nothing on disk.

    Parameters
    ----------
    path
        The database.
    kept
        What is kept of it for the next snapshot; it is brought up to date.

    Raises
    ------
    OSError, sqlite3.Error
        If it can't be read.
    """
    if not _in_use[number_of(path)]:
        image = _image(path, Kept() if kept is None else kept)
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


def _image(path: Path, kept: Kept) -> bytearray | None:
    """Return the database with its log applied; None if it is in rollback mode."""
    deadline = time.monotonic() + _PATIENCE
    with path.open("rb", buffering=0) as file:
        _lock(file.fileno(), deadline)
        inode = os.fstat(file.fileno()).st_ino
        while True:
            before = _head(path)
            if not kept.goes_on(before, inode):
                file.seek(0)
                kept.begin(bytearray(file.read()), inode)
                if len(kept.image) >= 20 and kept.image[18:20] == b"\1\1":
                    kept.image = bytearray()
                    _refuse_hot(path, file.fileno())
                    return None
            header, log = _read_log(path, kept.start)
            if _head(path) == before == header and kept.add(header, log):
                if len(kept.image) >= 20:
                    kept.image[18:20] = b"\1\1"  # a database in memory has no log
                return kept.image
            kept.header = b""
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


def _read_log(path: Path, start: int) -> tuple[bytes, bytes]:
    """Return the header of the log, and what it has from some byte on."""
    try:
        with _log(path).open("rb", buffering=0) as file:
            header = file.read(_LOG_HEADER)
            file.seek(start)
            return header, file.read()
    except FileNotFoundError:
        return b"", b""


def _format(header: bytes) -> tuple[int, bool]:
    """Return a log's page size, 0 if it is no log, and whether its sums are in the other order."""
    if len(header) < _LOG_HEADER:
        return 0, False
    magic, _, size = struct.unpack(">3I", header[:12])
    if magic >> 1 != 0x377F0682 >> 1 or size not in {2**bits for bits in range(9, 17)}:
        return 0, False
    return size, (sys.byteorder == "big") != bool(magic & 1)


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


def _of_image(image: bytearray) -> sqlite3.Connection:
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
