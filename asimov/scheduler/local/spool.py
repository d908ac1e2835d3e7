"""The local scheduler's queue: a SQLite database in ``.asimov/local`` and small files beside it.

Whoever submits or asks for a change writes rows; the runner alone starts processes and moves
states. The counts of a cluster's processes stand in its own row, so that an observation reads
one row a ticket, whatever the size of the cluster.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.errors import SchedulerError
from asimov.journal import companions
from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.local.process_spec import Process
from asimov.system.files import locked, sync_folder
from asimov.system.mounts import on_network

if TYPE_CHECKING:
    import sqlite3

#: Kinds of a cluster, and roles of a process.
JOB, DAG, SERVICE, PRE, POST = "job", "dag", "service", "pre", "post"
#: States of a process; a cluster is GONE when all of it has ended.
IDLE, RUNNING, HELD, GONE = "idle", "running", "held", "gone"

_SCHEMA = """
CREATE TABLE clusters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, uid TEXT, tags TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'idle',
    dag INTEGER, node TEXT, environment TEXT, details TEXT NOT NULL, submitted REAL NOT NULL,
    total INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, idle INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER, signal INTEGER, removed INTEGER NOT NULL DEFAULT 0,
    started REAL, ended REAL, reason TEXT, code INTEGER, held_at REAL);
CREATE INDEX clusters_uid ON clusters (uid) WHERE uid IS NOT NULL AND dag IS NULL;
CREATE INDEX clusters_dag ON clusters (dag) WHERE dag IS NOT NULL;
CREATE INDEX clusters_dags ON clusters (id) WHERE kind = 'dag' AND state != 'gone';
CREATE INDEX clusters_new_dags ON clusters (id) WHERE kind = 'dag' AND state = 'idle';
CREATE TABLE processes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster INTEGER NOT NULL, proc INTEGER NOT NULL, role TEXT NOT NULL, node TEXT,
    state TEXT NOT NULL, priority INTEGER NOT NULL, cpus INTEGER NOT NULL, spec TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
    fate TEXT, fate_reason TEXT, not_before REAL NOT NULL DEFAULT 0,
    exit_code INTEGER, signal INTEGER, removed INTEGER NOT NULL DEFAULT 0,
    started REAL, ended REAL, wall REAL NOT NULL DEFAULT 0, cpu REAL, memory REAL,
    reason TEXT, code INTEGER, subcode INTEGER, held_at REAL, runs INTEGER NOT NULL DEFAULT 0);
CREATE INDEX processes_cluster ON processes (cluster, proc);
CREATE INDEX processes_ready ON processes (priority DESC, id)
    WHERE state = 'idle' AND role != 'service';
CREATE INDEX processes_service ON processes (id) WHERE state = 'idle' AND role = 'service';
CREATE INDEX processes_running ON processes (id) WHERE state = 'running';
CREATE INDEX processes_held ON processes (cluster, proc) WHERE state = 'held';
CREATE TABLE nodes (
    dag INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, retry INTEGER NOT NULL,
    cluster INTEGER, pre_return INTEGER, reason TEXT,
    PRIMARY KEY (dag, name)) WITHOUT ROWID;
CREATE TABLE dags (cluster INTEGER PRIMARY KEY, plan TEXT NOT NULL);
CREATE TABLE environments (hash TEXT PRIMARY KEY, variables TEXT NOT NULL);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cluster INTEGER NOT NULL, action TEXT NOT NULL,
    reason TEXT NOT NULL);
"""
#: Whether there is something for a runner to do; what is held waits for a request.
BUSY = (
    "SELECT EXISTS (SELECT 1 FROM processes WHERE state = 'running')"
    " OR EXISTS (SELECT 1 FROM processes WHERE state = 'idle' AND role != 'service')"
    " OR EXISTS (SELECT 1 FROM processes WHERE state = 'idle' AND role = 'service')"
    " OR EXISTS (SELECT 1 FROM clusters WHERE kind = 'dag' AND state = 'idle')"
    " OR EXISTS (SELECT 1 FROM requests)"
)
_VERSION = 2
#: How a queue of the version before is brought to this one.
_CHANGES = (
    "ALTER TABLE clusters ADD COLUMN held_at REAL",
    "ALTER TABLE processes ADD COLUMN subcode INTEGER",
    "ALTER TABLE processes ADD COLUMN held_at REAL",
    "ALTER TABLE processes ADD COLUMN runs INTEGER NOT NULL DEFAULT 0",
    "UPDATE processes SET runs = attempt",
    "CREATE INDEX processes_held ON processes (cluster, proc) WHERE state = 'held'",
    f"PRAGMA user_version = {_VERSION}",
)


class Spool:
    """The folder and its database.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".asimov" / "local"
        self.database = self.folder / "queue.db"
        self.runs = self.folder / "run"
        self.bell = self.folder / "wake"
        self.runner = self.folder / "runner"
        self.lock = self.folder / "runner.lock"
        self.output = self.folder / "runner.log"
        #: Whether to read the database into memory, so that nothing is written for it.
        self.only_read = False

    def exists(self) -> bool:
        """Whether anything was ever submitted."""
        return self.database.exists()

    def create(self) -> None:
        """Make the folder and the database where they are missing."""
        import sqlite3

        if self.exists():
            return
        new = self.folder / "new.db"
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            # Two commands may get here at once, and nobody is to see it half made.
            with locked(self.folder / "new.lock", "makes the local queue"):
                if self.exists():
                    return
                for stale in self.folder.glob("new.db*"):
                    stale.unlink()
                new.touch()  # SQLite itself would not give the group the right to write
                with closing(sqlite3.connect(new, isolation_level=None)) as db:
                    version = f"PRAGMA user_version = {_VERSION}"
                    db.executescript(f"BEGIN;{_SCHEMA}{version};COMMIT;")
                    # Last: on a full disk a write-ahead log would be left behind at the rename.
                    mode = "DELETE" if on_network(self.folder) else "WAL"
                    db.execute(f"PRAGMA journal_mode = {mode}")
                new.rename(self.database)
                sync_folder(self.folder)
        except (OSError, sqlite3.Error) as error:
            raise SchedulerError(f"can't be made: {error}", where=self.folder) from error

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the database, in autocommit mode; every commit is on disk when it returns.

        Raises
        ------
        sqlite3.Error, OSError
            Where it can't be opened.
        """
        import sqlite3

        from asimov.journal.snapshot import in_use, snapshot

        if self.only_read and not read_only:
            raise RuntimeError(f"what only reads wants to write to {self.database}")
        with ExitStack() as held:
            if self.only_read:
                db = snapshot(self.database)
            else:
                companions.admit(self.database)
                mode = "ro" if read_only else "rw"  # made by nobody but `create`
                uri = f"{self.database.absolute().as_uri()}?mode={mode}"
                db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0)
                held.enter_context(in_use(self.database))
            held.enter_context(closing(db))
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")
            yield db

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction, which an exception undoes.

        Raises
        ------
        SchedulerError
            Where the database can't be used.
        """
        import sqlite3

        try:
            with self.connect() as db:
                db.execute("BEGIN IMMEDIATE")
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version == _VERSION - 1:
                    for change in _CHANGES:
                        db.execute(change)
                elif version != _VERSION:
                    raise SchedulerError("is of another version of asimov", where=self.database)
                yield db
                db.execute("COMMIT")
        except (sqlite3.Error, FileNotFoundError) as error:
            raise self._unusable(error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the database to read it.

        Raises
        ------
        SchedulerError
            Where the database can't be used.
        """
        import sqlite3

        try:
            with self.connect(read_only=True) as db:
                yield db
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> SchedulerError:
        where, hint = companions.barred(self.database) or (self.database, None)
        return SchedulerError(f"the local queue can't be used: {error}", where=where, hint=hint)


def add_cluster(
    db: sqlite3.Connection,
    kind: str,
    submitted: float,
    *,
    tags: Mapping[str, str],
    details: Mapping[str, Any],
    environment: str | None = None,
    dag: int | None = None,
    node: str | None = None,
) -> int:
    """Add a cluster without processes and return its number."""
    row = db.execute(
        "INSERT INTO clusters (kind, uid, tags, dag, node, environment, details, submitted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kind,
            tags.get("AsimovUID"),
            json.dumps(dict(tags)),
            dag,
            node,
            environment,
            json.dumps(details),
            submitted,
        ),
    )
    assert row.lastrowid is not None
    return row.lastrowid


def add_environment(db: sqlite3.Connection, variables: Mapping[str, str]) -> str:
    """Keep an environment once, and return its key."""
    text = json.dumps(dict(sorted(variables.items())))
    key = sha256(text.encode(errors="surrogateescape")).hexdigest()
    db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (key, text))
    return key


def environment(db: sqlite3.Connection, key: str) -> dict[str, str]:
    """Return an environment that was kept."""
    row = db.execute("SELECT variables FROM environments WHERE hash = ?", (key,)).fetchone()
    found: dict[str, str] = json.loads(row[0])
    return found


def add_processes(
    db: sqlite3.Connection,
    cluster: int,
    role: str,
    found: Sequence[Process],
    *,
    node: str | None = None,
    priority: int = 0,
) -> None:
    """Add processes to a cluster, in state idle or held."""
    db.executemany(
        "INSERT INTO processes (cluster, proc, role, node, state, priority, cpus, spec, reason,"
        " code, held_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT submitted FROM clusters WHERE id = ?))",
        [
            (
                cluster,
                number,
                role,
                node,
                HELD if process.held else IDLE,
                process.priority + priority,
                process.cpus,
                json.dumps(asdict(process)),
                "submitted on hold at user's request" if process.held else None,
                15 if process.held else None,
                cluster if process.held else None,
            )
            for number, process in enumerate(found)
        ],
    )
    if role in (JOB, SERVICE):
        held = sum(process.held for process in found)
        idle = len(found) - held
        db.execute(
            "UPDATE clusters SET state = ?, total = ?, idle = ?, held = ?, reason = ?, code = ?"
            " WHERE id = ?",
            (
                HELD if held and not idle else IDLE,
                len(found),
                idle,
                held,
                "submitted on hold at user's request" if held else None,
                15 if held else None,
                cluster,
            ),
        )
        db.execute(
            "UPDATE clusters SET idle = idle + ?, held = held + ?"
            " WHERE id = (SELECT dag FROM clusters WHERE id = ?)",
            (idle, held, cluster),
        )


def process(text: str) -> Process:
    """Return a process from its stored form."""
    return Process(**json.loads(text))


def ring(spool: Spool) -> bool:
    """Wake the runner; return whether one lives."""
    try:
        bell = os.open(spool.bell, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no pipe, or nobody who reads it
        return False
    try:
        os.write(bell, b"!")
    except BlockingIOError:
        pass  # full: it will wake
    except BrokenPipeError:
        return False
    finally:
        os.close(bell)
    # A keeper that was just forked has the pipe open too, even when the runner was killed.
    try:
        return read_claim(spool.runner).life is not Life.DEAD
    except OSError:
        return False
