"""The journal's SQLite database: open, migrate, query and write it, and explain its errors."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from asimov.errors import AsimovError, FatalError
from asimov.journal import sidecar_files
from asimov.journal.migrations import MIGRATIONS
from asimov.journal.snapshot import Kept, in_use, number_of, snapshot, stamp
from asimov.system.files import is_full
from asimov.system.mounts import on_network
from asimov.text import encodable

#: The meaning of SQLite's result codes (https://www.sqlite.org/rescode.html). Python provides them
#: from 3.11 on; before that, SQLite's messages are matched.
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
#: What is the matter with the journal, by kind.
_STATES = {
    "full": "can't be written",
    "denied": "can't be opened or written",
    "busy": "is locked",
    "failed": "can't be read or written",
    "damaged": "is damaged",
    "half done": "can't be read yet",
}
_REPAIR = "'asimov ledger repair' rebuilds what can be rebuilt; nothing was changed"
_HINTS = {
    "full": "the disk is full: make room and run the command again; the change was undone",
    "denied": "you may not write there; commands that only read, such as 'asimov status', still "
    "work",
    "busy": "another program keeps it locked; try again",
    "failed": "the disk is failing, or your quota is used up; the change was undone",
    "damaged": _REPAIR,
    "half done": "any command that changes the project does that, such as 'asimov monitor'",
}


#: More values than this are not asked for one by one.
_FEW = 300
#: What reading a damaged file may raise; names and messages in it may be invalid text.
RAISED = (sqlite3.Error, UnicodeDecodeError)


class WroteError(RuntimeError):
    """Something tried to write to a journal that was opened for reading: a bug in asimov."""


class JournalError(FatalError):
    """The journal can't be used."""


class Database:
    """An open database.

    Parameters
    ----------
    path
        The file; created with its folder if it is missing.
    reading
        Whether to open it for reading only. Then it is read into memory, and nothing is created or
        changed on disk. Writing to it is a bug in asimov and raises `WroteError`.

    Raises
    ------
    JournalError
        If the file is damaged or SQLite can't open it.
    AsimovError
        If the file can't be opened, or has the format of a newer asimov.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        self.reading = reading
        #: How many transactions were rolled back: what they wrote is gone.
        self.undone = 0
        #: How many snapshots were taken, if it was opened for reading.
        self.taken = 0
        self.closed = False
        self._depth = 0
        if lacks_log(path):
            raise JournalError(
                "the journal's write-ahead log is missing: the latest changes are lost",
                where=path,
                hint=_REPAIR,
            )
        self._held = ExitStack()
        self._kept = Kept()
        self._open()

    def _open(self) -> None:
        self._db = self._read() if self.reading else self._connect()
        try:
            if not self.reading:
                mode = "DELETE" if on_network(self.path) else "WAL"
                self._db.execute(f"PRAGMA journal_mode = {mode}")
                # Survives a crash of the process at any moment; `durably` also a power cut.
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
                # SQLite never lets the group write, whatever the umask.
                os.close(os.open(self.path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
            sidecar_files.admit(self.path)
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._held.enter_context(in_use(self.path))
            self._file = number_of(self.path)
        except sqlite3.Error as error:
            raise self._fault(error) from error
        except OSError as error:
            raise AsimovError(
                f"can't be opened: {error.strerror}", where=self.path, hint=_HINTS["denied"]
            ) from error
        return db

    def _read(self) -> sqlite3.Connection:
        try:
            self.taken += 1
            self._stamp = stamp(self.path)  # taken before reading: a later change is seen next time
            return snapshot(self.path, self._kept)
        except FileNotFoundError:
            return sqlite3.connect(":memory:", isolation_level=None)
        except RAISED as error:
            raise self._fault(error) from error
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=self.path) from error

    def renew(self) -> None:
        """Read the database again if it was opened for reading and has changed since."""
        if self.reading and self._stamp != stamp(self.path):
            self._db.close()
            self._open()

    def _fault(self, error: Exception) -> JournalError:
        """Return the error to raise: what SQLite says, and what to do about it."""
        kind, where = _kind(error, self.path), self.path
        hint = _HINTS[kind]
        if kind == "denied" and (found := sidecar_files.barred(self.path)):
            where, hint = found
        return JournalError(f"the journal {_STATES[kind]}: {error}", where=where, hint=hint)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run a query and return its rows."""
        try:
            return self._db.execute(query, _encodable(values)).fetchall()
        except RAISED as error:
            raise self._fault(error) from error

    def rows_of(
        self, query: str, where: str, values: Collection[Sequence[Any]] | None, order: str = ""
    ) -> list[Any]:
        """Return the rows of a query for some values; all its rows if that is quicker.

        Parameters
        ----------
        query
            The query, which has a ``WHERE``.
        where
            A further condition.
        values
            What it is asked with, one after another; None for all rows.
        order
            The order of the rows for one of them, and of all.
        """
        if values is None or len(values) > _FEW:
            return self.rows(f"{query} {order}")
        query = f"{query} AND {where} {order}"
        return [row for each in values for row in self.rows(query, each)]

    def tables_of_analyses(self) -> list[str]:
        """Return the tables with a row for an analysis, or several: with its subject and name."""
        names = [name for (name,) in self.rows("SELECT name FROM sqlite_schema WHERE type='table'")]
        return [
            name
            for name in names
            if {"subject", "name"} <= {row[1] for row in self.rows(f"PRAGMA table_info({name})")}
        ]

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, in a transaction of its own if none is open; return the rows changed."""
        with self.transaction():
            return self._db.execute(statement, _encodable(values)).rowcount

    def write_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values, in one transaction."""
        with self.transaction():
            self._db.executemany(statement, map(_encodable, values))

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise AsimovError(
                f"the journal was written by a newer asimov (format {version})",
                where=self.path,
                hint="upgrade asimov",
            )
        if version == len(MIGRATIONS):
            return
        with self.transaction():
            # Another process may have migrated it first.
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            for script in MIGRATIONS[version:]:
                for statement in script.split(";\n"):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def version(self) -> object:
        """Return a value that changes when another process writes to the database."""
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
        """Commit everything written in the block, or nothing; blocks may nest."""
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
        self._check_place()
        kept = False
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                # On a full disk SQLite has rolled it back already.
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

    def _check_place(self) -> None:
        """Refuse to write to a file that is not the journal any more: nobody would read that."""
        try:
            if number_of(self.path) == self._file:
                return
        except OSError:
            pass
        raise JournalError(
            "the journal was moved or replaced while it was in use; nothing was written",
            where=self.path,
            hint="run the command again, in the project's present folder",
        )

    @contextmanager
    def durably(self) -> Iterator[None]:
        """Like `transaction`, but wait until the changes are on disk.

        Inside a block that is not durable, they are on disk after the next durable block.
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
    """Escape what SQLite can't store: file names may contain bytes that are no text."""
    if all(not isinstance(each, str) or each.isascii() for each in values):
        return values
    return [encodable(each) if isinstance(each, str) else each for each in values]


def unpacked(database: Database, packed: bytes) -> Any:
    """Decode a packed value of the journal.

    Raises
    ------
    JournalError
        If it is damaged.
    """
    try:
        return msgspec.msgpack.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        raise damaged(database, f"a value in it can't be read ({error})") from error


def damaged(database: Database, what: str) -> JournalError:
    """Return the error for a journal that can be opened but is damaged."""
    return JournalError(f"the journal is damaged: {what}", where=database.path, hint=_REPAIR)


def _kind(error: Exception, path: Path) -> str:
    """Return the meaning of an error of SQLite, a key of `_HINTS`."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _CODES:
        kind = _CODES[code & 0xFF]
    else:
        # The remaining errors are about wrong tables and invalid text.
        kind = next((kind for words, kind in _WORDS.items() if words in str(error)), "damaged")
    if kind == "failed" and is_full(
        path.parent
    ):  # SQLite reports a full disk like this in some places
        return "full"
    return kind


def lacks_log(path: Path) -> bool:
    """Return whether the write-ahead log of a database was removed.

    Its index (``-shm``) is created after the log and removed before it, so it never exists alone.
    """
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    for _ in range(3):
        # Another process may open or close the journal between two checks.
        if log.exists() or not index.exists() or log.exists():
            return False
        time.sleep(0.01)
    return path.exists()
