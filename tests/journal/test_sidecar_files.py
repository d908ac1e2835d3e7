"""Files beside a database that shut one out of it, for a user who is not root."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal.database import Database, JournalError
from asimov.journal.journal import Journal
from asimov.journal.sidecar_files import admit
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.local.spool import Spool

#: A user without rights of its own.
NOBODY = 65534


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that a user has who is not root."""
    with tempfile.TemporaryDirectory(prefix="asimov-test-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def as_a_user(what: Callable[[], object], signalled: int = 0) -> None:
    """Do something in a process of a user who is not root."""
    pid = os.fork()
    if not pid:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            what()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signalled


def killed_while_read_only(database: Path, use: Callable[[], object]) -> None:
    """Leave what a command leaves that is killed while the database is read-only for a while."""

    def die() -> None:
        database.chmod(0o400)
        with closing(sqlite3.connect(database)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()
            os.kill(os.getpid(), signal.SIGKILL)

    as_a_user(use)
    as_a_user(die, signal.SIGKILL)
    database.chmod(0o644)
    left = [Path(f"{database}{end}") for end in ("-wal", "-shm")]
    assert 0o400 in [path.stat().st_mode & 0o777 for path in left]


def test_a_journal_that_was_read_only_for_a_while_is_used_as_before(home):
    path = home / "journal.db"

    def use() -> None:
        with closing(Journal(path)) as journal:
            journal.set_property("x", "1")

    killed_while_read_only(path, use)
    as_a_user(use)


def test_a_queue_that_was_read_only_for_a_while_is_used_as_before(home, monkeypatch):
    scheduler = LocalScheduler(home, 1)
    monkeypatch.setattr(LocalScheduler, "wake", lambda self: None)

    def use() -> None:
        os.chdir(home)
        scheduler.submit(JobDescription("true"))
        assert scheduler.queued()

    killed_while_read_only(Spool(home).database, use)
    as_a_user(use)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_is_left_of_any_kind_is_opened_up(home, end):
    path = home / "journal.db"
    path.touch(0o640)
    left = Path(f"{path}{end}")
    left.touch(0o400)
    admit(path)
    assert left.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_file_of_somebody_else_is_named_with_its_owner(home):
    path = home / "journal.db"
    as_a_user(lambda: Database(path).close())
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode")
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        for end in ("-wal", "-shm"):
            shutil.copy(f"{path}{end}", f"{path}{end}.kept")
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}.kept").rename(f"{path}{end}")
        Path(f"{path}{end}").chmod(0o600)

    def use() -> None:
        with pytest.raises(JournalError) as told:
            Database(path)
        assert told.value.where in {Path(f"{path}-wal"), Path(f"{path}-shm")}
        assert "its owner, root, can fix that: chmod" in str(told.value.hint)

    as_a_user(use)
