"""An SQLite file that is owned by the program: opening it, migrating it, writing to it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from asimov.errors import AsimovError, FatalError
from asimov.journal import sidecar_files
from asimov.journal.migrations import MIGRATIONS
from asimov.journal.snapshot import in_use, snapshot, stamp
from asimov.system.files import is_full
from asimov.system.mounts import on_network
from asimov.text import encodable

#: SQLite's result codes (https://www.sqlite.org/rescode.html) by what they mean here. Python tells
#: them from 3.11 on; before that SQLite's own words do.
_CODES = {
    3: "denied", 5: "busy", 6: "busy", 8: "denied", 10: "failed", 11: "damaged", 13: "full",
    14: "denied", 26: "damaged",
}  # fmt: skip
_WORDS = {
    "disk is full": "full",
    "locked": "busy",
    "disk I/O error": "failed",
    "readonly": "denied",
    "permission": "denied",
    "unable to open": "denied",
    "cut short": "half done",
}
_REPAIR = "'asimov ledger repair' rebuilds what can be rebuilt; nothing was changed"
_HINTS = {
    "full": "the disk is full; make room and run the command again: what was not written is undone",
    "denied": "you may not write there; commands that only read, such as 'asimov status', can be "
    "run",
    "busy": "another program keeps it locked; try again",
    "failed": "the disk fails, or your share of it is used up; what was not written is undone",
    "damaged": _REPAIR,
    "half done": "a command that acts does that, such as 'asimov monitor'",
}


#: What reading a damaged file raises: names and messages in it may be no text any more.
RAISED = (sqlite3.Error, UnicodeDecodeError)


class WroteError(RuntimeError):
    """Something has tried to write to a journal that is only read: a fault in asimov."""


class JournalError(FatalError):
    """The journal can't be used."""


class Database:
    """An open journal, as a database.

    Parameters
    ----------
    path
        The database; made with its folder where it is missing.
    reading
        Whether it is only read. Then it is read into memory, and nothing is made or changed on
        disk. What tries to write to it is a fault in asimov, and raises `WroteError`.

    Raises
    ------
    AsimovError
        Where the file can't be opened, is damaged, or is of a newer asimov.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        self.reading = reading
        #: How many transactions were undone: what was taken for written in them was not.
        self.undone = 0
        self.closed = False
        self._depth = 0
        if lacks_log(path):
            raise JournalError(
                "the journal's write-ahead log is missing: what was written last is lost",
                where=path,
                hint=_REPAIR,
            )
        self._held = ExitStack()
        self._open()

    def _open(self) -> None:
        self._db = self._read() if self.reading else self._connect()
        try:
            if not self.reading:
                mode = "DELETE" if on_network(self.path) else "WAL"
                self._db.execute(f"PRAGMA journal_mode = {mode}")
                # Survives the death of the process at any moment; `durably` that of the power.
                self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
            self._db.execute(f"PRAGMA query_only = {self.reading:d}")
        except BaseException as error:
            self._db.close()
            self._held.close()
            if isinstance(error, RAISED):
                raise self._fault(error) from error
            raise

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                # SQLite would not give the group the right to write, whatever the mask says.
                os.close(os.open(self.path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
            sidecar_files.admit(self.path)
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._held.enter_context(in_use(self.path))
        except sqlite3.Error as error:
            raise self._fault(error) from error
        except OSError as error:
            raise AsimovError(
                f"can't be opened: {error.strerror}", where=self.path, hint=_HINTS["denied"]
            ) from error
        return db

    def _read(self) -> sqlite3.Connection:
        try:
            self._stamp = stamp(self.path)  # before: what is written meanwhile is seen next time
            return snapshot(self.path)
        except FileNotFoundError:
            return sqlite3.connect(":memory:", isolation_level=None)
        except RAISED as error:
            raise self._fault(error) from error
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=self.path) from error

    def renew(self) -> None:
        """Read it again where it is only read and has changed since."""
        if self.reading and self._stamp != stamp(self.path):
            self._db.close()
            self._open()

    def _fault(self, error: Exception) -> JournalError:
        """Return the error for people: what SQLite says, and what there is to do about it."""
        kind, where = _kind(error, self.path), self.path
        hint = _HINTS[kind]
        if kind == "denied" and (told := sidecar_files.barred(self.path)):
            where, hint = told
        return JournalError(f"the journal can't be used: {error}", where=where, hint=hint)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a query finds."""
        try:
            return self._db.execute(query, _encodable(values)).fetchall()
        except RAISED as error:
            raise self._fault(error) from error

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement in a transaction, this one or the one around; return the rows changed."""
        with self.transaction():
            return self._db.execute(statement, _encodable(values)).rowcount

    def write_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of some rows in one transaction."""
        with self.transaction():
            self._db.executemany(statement, map(_encodable, values))

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise AsimovError(
                f"the journal is of a newer asimov (format {version})",
                where=self.path,
                hint="use that version of asimov",
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            with self.transaction():
                # Another process may have come first.
                (now,) = self._db.execute("PRAGMA user_version").fetchone()
                if now < number:
                    for statement in script.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {number}")

    def version(self) -> object:
        """Return what changes when another process has written to the journal."""
        if self.reading:
            return stamp(self.path)
        (row,) = self.rows("PRAGMA data_version")
        return int(row[0])

    def close(self) -> None:
        """Close the database."""
        self.closed = True
        self._db.close()
        self._held.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block is kept, or none of it; blocks may nest."""
        if self.reading:
            try:
                yield
            except sqlite3.OperationalError as error:
                raise WroteError(f"what only reads has written to {self.path}: {error}") from error
            return
        if self._depth:
            try:
                yield
            except sqlite3.Error as error:
                raise self._fault(error) from error
            return
        kept = False
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                # Where the disk is full SQLite has undone it already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            kept = True
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._fault(error) from error
        finally:
            self._depth = 0
            self.undone += not kept

    @contextmanager
    def durably(self) -> Iterator[None]:
        """As `transaction`, and on disk when the block has been left.

        Inside another block that is not durable, it is on disk when a later durable one has been.
        """
        if self._depth:
            yield
            return
        self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self.transaction():
                yield
        finally:
            self._db.execute("PRAGMA synchronous = NORMAL")


def _encodable(values: Sequence[Any]) -> Sequence[Any]:
    """Return values that SQLite takes: names of files may hold bytes that are no text."""
    if all(not isinstance(each, str) or each.isascii() for each in values):
        return values
    return [encodable(each) if isinstance(each, str) else each for each in values]


def unpacked(database: Database, packed: bytes) -> Any:
    """Return what a value of the journal holds.

    Raises
    ------
    JournalError
        Where it was damaged.
    """
    try:
        return msgspec.msgpack.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        raise damaged(database, f"a value in it can't be read ({error})") from error


def damaged(database: Database, what: str) -> JournalError:
    """Return the error that says that the journal is damaged, although it can be opened."""
    return JournalError(f"the journal is damaged: {what}", where=database.path, hint=_REPAIR)


def _kind(error: Exception, path: Path) -> str:
    """Say what an error of SQLite's means, as a key of the table above."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _CODES:
        kind = _CODES[code & 0xFF]
    else:
        # What is left are tables that are not as they should be, and text that is none.
        kind = next((kind for words, kind in _WORDS.items() if words in str(error)), "damaged")
    if kind == "failed" and is_full(path.parent):  # as SQLite calls it in some places
        return "full"
    return kind


def lacks_log(path: Path) -> bool:
    """Say whether the write-ahead log of a database was taken away.

    Its index (``-shm``) is made after the log and removed before it, so that it is never alone.
    """
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    for _ in range(3):
        # Another process may open or close the journal between two looks.
        if log.exists() or not index.exists() or log.exists():
            return False
        time.sleep(0.01)
    return path.exists()
