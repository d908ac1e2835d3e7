"""The journal: what happened, in SQLite, owned by the program.

It holds the state of each analysis and how it came about, every attempt to run one, the facts
that pipelines wrote, what was built, the parsed form of the ledger's files, and a large change
of the ledger while it is under way.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.ledger.migrations import MIGRATIONS
from asimov.ledger.needs import Key
from asimov.ledger.records import Attempt, Build, Event, Record

#: File systems that several machines share: SQLite's write-ahead log needs shared memory.
_SHARED = ("nfs", "lustre", "gpfs", "cifs", "smb", "beegfs", "ceph", "afs", "fuse", "9p", "panfs")

_RECORD = "subject, name, status, since, reason, uid, job_id, job_state, job_detail, progress"
_ATTEMPT = (
    "uid, subject, name, number, stage, scheduler, state, job_id, intended, submitted, ended, "
    "exit_code, evidence, reason, logs"
)


class JournalError(AsimovError):
    """The journal can't be used; nothing may go on that would not be recorded."""


class Journal:
    """An open journal.

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
        self._depth = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise self._damaged(error) from error
        except OSError as error:
            raise AsimovError(f"can't be opened: {error.strerror}", where=path) from error
        try:
            self._db.execute(f"PRAGMA journal_mode = {'DELETE' if _is_shared(path) else 'WAL'}")
            # Survives the death of the process at any moment; `durably` survives that of the power.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise self._damaged(error) from error
            raise

    def _damaged(self, error: sqlite3.Error) -> JournalError:
        hint = "is the disk full, or the file damaged? Nothing was changed"
        if not os.access(self.path.parent, os.W_OK) or (
            self.path.exists() and not os.access(self.path, os.W_OK)
        ):
            hint = "you may not write there, and every command that opens the project must"
        return JournalError(f"the journal can't be used: {error}", where=self.path, hint=hint)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._damaged(error) from error

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
        (row,) = self._rows("PRAGMA data_version")
        return int(row[0])

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block is kept, or none of it; blocks may nest."""
        if self._depth:
            yield
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._damaged(error) from error
        finally:
            self._depth = 0

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

    # --- analyses

    def records(self) -> dict[Key, Record]:
        """Return the record of every analysis that the journal knows."""
        rows = self._rows(f"SELECT {_RECORD} FROM analyses")
        return {(row[0], row[1]): Record(*row) for row in rows}

    def record(self, key: Key) -> Record | None:
        """Return the record of one analysis, or None."""
        rows = self._rows(f"SELECT {_RECORD} FROM analyses WHERE subject = ? AND name = ?", key)
        return Record(*rows[0]) if rows else None

    def add(self, new: Iterable[tuple[Key, str, str]], actor: str) -> None:
        """Take up analyses that are new: their keys, first states, and where they are from."""
        now = time.time()
        with self.transaction():
            for key, status, reason in new:
                made = self._db.execute(
                    "INSERT OR IGNORE INTO analyses (subject, name, status, since, reason) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (*key, status, now, reason),
                )
                if made.rowcount:
                    self._note(key, actor, "state", None, status, reason, now)

    def set_status(self, key: Key, before: str, after: str, actor: str, reason: str | None) -> bool:
        """Move an analysis from one state to another.

        Returns
        -------
        bool
            False, and nothing is changed, where it is no longer in the state `before`.
        """
        now = time.time()
        with self.transaction():
            changed = self._db.execute(
                "UPDATE analyses SET status = ?, since = ?, reason = ? "
                "WHERE subject = ? AND name = ? AND status = ?",
                (after, now, reason, *key, before),
            ).rowcount
            if changed:
                self._note(key, actor, "state", before, after, reason, now)
        return bool(changed)

    def observed(self, seen: Iterable[tuple[Key, str | None, str | None, str | None]]) -> None:
        """Record what was seen of jobs: key, job's state, detail, progress."""
        with self.transaction():
            self._db.executemany(
                "UPDATE analyses SET job_state = ?, job_detail = ?, progress = ? "
                "WHERE subject = ? AND name = ?",
                ((state, detail, progress, *key) for key, state, detail, progress in seen),
            )

    # --- events

    def note(self, key: Key, actor: str, kind: str, reason: str) -> None:
        """Record that something happened to an analysis without a change of state."""
        with self.transaction():
            self._note(key, actor, kind, None, None, reason, time.time())

    def _note(
        self,
        key: Key,
        actor: str,
        kind: str,
        before: str | None,
        after: str | None,
        reason: str | None,
        now: float,
    ) -> None:
        self._db.execute(
            "INSERT INTO events (time, subject, name, actor, kind, before, after, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (now, *key, actor, kind, before, after, reason),
        )

    def events(
        self, subject: str | None = None, name: str | None = None, last: int | None = None
    ) -> list[Event]:
        """Return the events, oldest first, of everything, one subject or one analysis."""
        where, values = [], []
        for column, value in (("subject", subject), ("name", name)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        rows = self._rows(
            "SELECT time, subject, name, actor, kind, before, after, reason FROM events "
            + (f"WHERE {' AND '.join(where)} " if where else "")
            + "ORDER BY id DESC LIMIT ?",
            (*values, -1 if last is None else last),
        )
        return [Event(*row) for row in rows][::-1]

    # --- attempts

    def intend(self, key: Key, uid: str, stage: str, scheduler: str) -> Attempt:
        """Record, durably, that a job is about to be submitted."""
        now = time.time()
        with self.durably():
            (number,) = self._db.execute(
                "SELECT count(*) + 1 FROM attempts WHERE subject = ? AND name = ?", key
            ).fetchone()
            self._db.execute(
                "INSERT INTO attempts (uid, subject, name, number, stage, scheduler, state, "
                "intended) VALUES (?, ?, ?, ?, ?, ?, 'intended', ?)",
                (uid, *key, number, stage, scheduler, now),
            )
        return Attempt(uid, *key, number, stage, scheduler, "intended", None, now)

    def submitted(self, uid: str, job_id: int, logs: Iterable[str]) -> None:
        """Record, durably, that an intended job is in the scheduler."""
        with self.durably():
            self._db.execute(
                "UPDATE attempts SET state = 'submitted', job_id = ?, submitted = ?, logs = ? "
                "WHERE uid = ?",
                (job_id, time.time(), "\n".join(logs), uid),
            )
            self._db.execute(
                "UPDATE analyses SET uid = ?1, job_id = ?2, job_state = NULL, job_detail = NULL, "
                "progress = NULL WHERE (subject, name) = "
                "(SELECT subject, name FROM attempts WHERE uid = ?1)",
                (uid, job_id),
            )

    def ended(
        self, uid: str, state: str, *, exit_code: int | None, evidence: str, reason: str | None
    ) -> None:
        """Close an attempt: ``ended`` with evidence, or ``void`` where no job was ever made."""
        with self.transaction():
            self._db.execute(
                "UPDATE attempts SET state = ?, ended = ?, exit_code = ?, evidence = ?, "
                "reason = ? WHERE uid = ?",
                (state, time.time(), exit_code, evidence, reason, uid),
            )

    def open_attempts(self) -> list[Attempt]:
        """Return every attempt that is intended or submitted and whose end is not recorded."""
        rows = self._rows(
            f"SELECT {_ATTEMPT} FROM attempts WHERE state IN ('intended', 'submitted') "
            "ORDER BY intended"
        )
        return [Attempt(*row) for row in rows]

    def attempts(self, key: Key) -> list[Attempt]:
        """Return every attempt of one analysis, oldest first."""
        rows = self._rows(
            f"SELECT {_ATTEMPT} FROM attempts WHERE subject = ? AND name = ? ORDER BY number", key
        )
        return [Attempt(*row) for row in rows]

    # --- facts

    def facts(self) -> dict[Key, dict[str, Any]]:
        """Return what pipelines wrote, by analysis, and by subject under ``(subject, "")``."""
        rows = self._rows("SELECT subject, name, data FROM facts")
        return {(row[0], row[1]): msgspec.msgpack.decode(row[2]) for row in rows}

    def set_facts(self, key: Key, data: Mapping[str, Any]) -> None:
        """Replace what is kept of an analysis or a subject."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)",
                (*key, msgspec.msgpack.encode(data, enc_hook=_plain)),
            )

    # --- builds

    def builds(self) -> dict[Key, Build]:
        """Return what was last built of each analysis."""
        rows = self._rows("SELECT subject, name, config, digest, content, time FROM builds")
        return {(row[0], row[1]): Build(*row[2:]) for row in rows}

    def built(self, builds: Mapping[Key, Build]) -> None:
        """Record what was built, once it is committed."""
        with self.transaction():
            for key, build in builds.items():
                self._db.execute(
                    "INSERT OR REPLACE INTO builds VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, build.config, build.digest, build.content, build.time),
                )
                self._note(key, "build", "built", None, None, build.config, build.time)

    # --- parsed documents, changes under way, properties

    def cached_documents(self) -> dict[str, tuple[str, bytes]]:
        """Return the stamp and the parsed form of the ledger's files by their paths."""
        rows = self._rows("SELECT path, stamp, data FROM documents")
        return {path: (stamp, data) for path, stamp, data in rows}

    def cache_documents(
        self, parsed: Iterable[tuple[str, str, bytes]], gone: Iterable[str] = ()
    ) -> None:
        """Keep the parsed form of files: path, stamp, data; and forget files that are gone."""
        with self.transaction():
            self._db.executemany("DELETE FROM documents WHERE path = ?", ((path,) for path in gone))
            self._db.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", parsed)

    def begin_change(self, files: Mapping[str, str]) -> None:
        """Record, durably, a change of many files before the first is written."""
        with self.durably():
            self._db.execute(
                "INSERT INTO changes (started, files) VALUES (?, ?)",
                (time.time(), msgspec.msgpack.encode(files)),
            )

    def changes(self) -> list[tuple[int, dict[str, str]]]:
        """Return the changes that were begun and not closed, oldest first."""
        rows = self._rows("SELECT id, files FROM changes ORDER BY id")
        return [(number, msgspec.msgpack.decode(files)) for number, files in rows]

    def close_changes(self) -> None:
        """Record that every change that was begun is in the files."""
        with self.transaction():
            self._db.execute("DELETE FROM changes")

    def get_property(self, key: str) -> str | None:
        """Return a value that the program keeps for itself, or None."""
        rows = self._rows("SELECT value FROM properties WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def set_property(self, key: str, value: str | None) -> None:
        """Keep a value, or forget it (None)."""
        with self.durably():
            self._db.execute("DELETE FROM properties WHERE key = ?", (key,))
            if value is not None:
                self._db.execute("INSERT INTO properties VALUES (?, ?)", (key, value))


def _plain(value: Any) -> Any:
    """Turn what plugins write into plain data: NumPy's numbers and arrays, paths, tuples."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


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
