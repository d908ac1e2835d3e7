"""An SQLite file that is owned by the program: opening it, migrating it, writing to it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from asimov import companions
from asimov.errors import AsimovError
from asimov.files import JournalError, is_full
from asimov.ledger.migrations import MIGRATIONS

__all__ = ["Database", "JournalError", "lacks_log"]

#: File systems that several machines share: SQLite's write-ahead log needs shared memory.
_SHARED = ("nfs", "lustre", "gpfs", "cifs", "smb", "beegfs", "ceph", "afs", "fuse", "9p", "panfs")


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
}
_REPAIR = "'asimov ledger repair' rebuilds what can be rebuilt; nothing was changed"
_HINTS = {
    "full": "the disk is full; make room and run the command again: what was not written is undone",
    "denied": "you may not write there, and every command that opens the project must",
    "busy": "another program keeps it locked; try again",
    "failed": "the disk fails, or your share of it is used up; what was not written is undone",
    "damaged": _REPAIR,
}


#: What reading a damaged file raises: names and messages in it may be no text any more.
RAISED = (sqlite3.Error, UnicodeDecodeError)


class Database:
    """An open journal, as a database.

    Parameters
    ----------
    path
        The database; made with its folder where it is missing.

    Raises
    ------
    AsimovError
        Where the file can't be opened, is damaged, or is of a newer asimov.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            companions.admit(path)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise self._fault(error) from error
        except OSError as error:
            raise AsimovError(f"can't be opened: {error.strerror}", where=path) from error
        try:
            self._db.execute(f"PRAGMA journal_mode = {'DELETE' if _is_shared(path) else 'WAL'}")
            # Survives the death of the process at any moment; `durably` survives that of the power.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except BaseException as error:
            self._db.close()
            if isinstance(error, RAISED):
                raise self._fault(error) from error
            raise

    def _fault(self, error: Exception) -> JournalError:
        """Return the error for people: what SQLite says, and what there is to do about it."""
        kind, where = _kind(error, self.path), self.path
        hint = _HINTS[kind]
        if kind == "denied" and (told := companions.barred(self.path)):
            where, hint = told
        return JournalError(f"the journal can't be used: {error}", where=where, hint=hint)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a query finds."""
        try:
            return self._db.execute(query, values).fetchall()
        except RAISED as error:
            raise self._fault(error) from error

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement in a transaction, this one or the one around; return the rows changed."""
        with self.transaction():
            return self._db.execute(statement, values).rowcount

    def write_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of some rows in one transaction."""
        with self.transaction():
            self._db.executemany(statement, values)

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

    def version(self) -> int:
        """Return a number that changes when another process has written to the journal."""
        (row,) = self.rows("PRAGMA data_version")
        return int(row[0])

    def close(self) -> None:
        """Close the database."""
        self.closed = True
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block is kept, or none of it; blocks may nest."""
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


def _is_shared(path: Path) -> bool:
    """Say whether a file lies on a network file system, by the mount that holds it."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text()
    except OSError:
        return False
    where = str(path.resolve())
    for line in mounts.splitlines():
        _, mount, filesystem, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = where == mount or where.startswith(mount.rstrip(os.sep) + os.sep)
        if inside and len(mount) >= len(best):
            best, kind = mount, filesystem
    return kind.startswith(_SHARED)
