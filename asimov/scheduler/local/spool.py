"""The spool: the local queue's folder ``.asimov/local``, with its SQLite database and small files.

Commands that submit or request a change write rows; only the runner starts processes and changes
their states.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from asimov.errors import SchedulerError
from asimov.journal import sidecar_files
from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.local.tables import SCHEMA, UPGRADE, VERSION
from asimov.system.disk import sync_path
from asimov.system.files import locked
from asimov.system.mounts import on_network

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")


class Spool:
    """The folder of the local queue, and its database.

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
        #: Whether to read the database into memory, so that reading writes nothing.
        self.only_read = False

    def exists(self) -> bool:
        """Whether anything was ever submitted."""
        return self.database.exists()

    def create(self) -> None:
        """Create the folder and the database where they are missing."""
        import sqlite3

        if self.exists():
            return
        new = self.folder / "new.db"
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            # Two commands may get here at once, and neither may see it half made.
            with locked(self.folder / "new.lock", "creates the local queue"):
                if self.exists():
                    return
                for stale in self.folder.glob("new.db*"):
                    stale.unlink()
                new.touch()  # SQLite itself would not let the group write
                with closing(sqlite3.connect(new, isolation_level=None)) as db:
                    version = f"PRAGMA user_version = {VERSION}"
                    db.executescript(f"BEGIN;{SCHEMA}{version};COMMIT;")
                    # Last: on a full disk a write-ahead log would be left behind at the rename.
                    mode = "DELETE" if on_network(self.folder) else "WAL"
                    db.execute(f"PRAGMA journal_mode = {mode}")
                new.rename(self.database)
                sync_path(self.folder)
        except (OSError, sqlite3.Error) as error:
            raise SchedulerError(f"can't be created: {error}", where=self.folder) from error

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
            raise RuntimeError(f"a read-only command wants to write to {self.database}")
        with ExitStack() as held:
            if self.only_read:
                db = snapshot(self.database)
            else:
                sidecar_files.admit(self.database)
                mode = "ro" if read_only else "rw"  # only `create` creates it
                uri = f"{self.database.absolute().as_uri()}?mode={mode}"
                db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0)
                held.enter_context(in_use(self.database))
            held.enter_context(closing(db))
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")
            yield db

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction, which an exception rolls back.

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
                if version == VERSION - 1:
                    for change in UPGRADE:
                        db.execute(change)
                elif version != VERSION:
                    raise SchedulerError(
                        "belongs to another version of asimov", where=self.database
                    )
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

    def ask(self, question: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Return what a function reads in the queue; `nothing` where there is no queue yet.

        Raises
        ------
        SchedulerError
            Where it can't be read.
        """
        if not self.exists():
            return nothing
        with self.reading() as db:
            return question(db)

    def _unusable(self, error: Exception) -> SchedulerError:
        where, hint = sidecar_files.barred(self.database) or (self.database, None)
        return SchedulerError(
            f"the local scheduler's queue can't be used: {error}", where=where, hint=hint
        )


def ring(spool: Spool) -> bool:
    """Wake the runner; return whether one is alive."""
    try:
        bell = os.open(spool.bell, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no pipe, or no reader
        return False
    try:
        os.write(bell, b"!")
    except BlockingIOError:
        pass  # full: the runner will wake
    except BrokenPipeError:
        return False
    finally:
        os.close(bell)
    # A keeper that was just forked has the pipe open too, even after the runner was killed.
    try:
        return read_claim(spool.runner).life is not Life.DEAD
    except OSError:
        return False
