"""A database is read as of the newest commit, whatever its writers do, and nothing is written."""

from __future__ import annotations

import mmap
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from asimov.journal import snapshot as module
from asimov.journal.snapshot import in_use, snapshot, stamp
from tests.searching import sizes


def write_for_ever(path: Path, done: Any, seed: int) -> None:
    """Write transactions, checkpoint, begin the log again and close, at random; never returns.

    The number of the last commit is in shared memory once the commit has returned. All rows of a
    transaction hold its number, so that a torn state is seen.
    """
    chance = random.Random(seed)
    number = 0
    while True:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            db.execute(f"PRAGMA wal_autocheckpoint = {chance.choice([3, 20, 1000])}")
            db.execute("PRAGMA cache_size = 5")  # so that uncommitted pages reach the log
            for _ in range(chance.randrange(1, 30)):
                db.execute("BEGIN IMMEDIATE")
                number += 1
                db.execute("UPDATE rows SET number = ?", (number,))
                if chance.random() < 0.3:
                    db.execute("INSERT INTO more VALUES (?, ?)", (number, "y" * 9000))
                if chance.random() < 0.1:
                    db.execute("DELETE FROM more")
                if chance.random() < 0.2:
                    db.execute("ROLLBACK")
                    number -= 1
                    continue
                db.execute("COMMIT")
                done[:8] = struct.pack("Q", number)


def make(path: Path, mode: str = "WAL") -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, number INTEGER, text TEXT)")
        db.execute("CREATE TABLE more (number INTEGER, text TEXT)")
        values = [(0, "x" * 500) for _ in range(200)]
        db.executemany("INSERT INTO rows (number, text) VALUES (?, ?)", values)


def numbers(db: sqlite3.Connection) -> set[int]:
    return {number for (number,) in db.execute("SELECT DISTINCT number FROM rows")}


@pytest.mark.parametrize("size", sizes())
def test_each_snapshot_is_one_state_and_none_is_older_than_what_was_committed(
    tmp_path: Path, size: float
) -> None:
    """The searching test: a real writer, and nothing that keeps the two apart."""
    seed = int(os.environ.get("ASIMOV_TEST_SEED", "") or time.time_ns() % 10**6)
    print(f"ASIMOV_TEST_SEED={seed}")
    path = tmp_path / "journal.db"
    make(path)
    done = mmap.mmap(-1, 8)
    writer = os.fork()
    if not writer:
        try:
            write_for_ever(path, done, seed)
        finally:
            os._exit(1)
    try:
        end = time.monotonic() + 5 * size
        taken = 0
        kept = module.Kept()
        while time.monotonic() < end or taken < 20:
            (before,) = struct.unpack("Q", done[:8])
            with closing(snapshot(path, kept if taken % 2 else None)) as db:
                found = numbers(db)
                assert len(found) == 1, f"torn: {found}"
                assert min(found) >= before
                assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            taken += 1
        assert os.waitpid(writer, os.WNOHANG) == (0, 0), "the writer has failed"
    finally:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    names = sorted(tmp_path.iterdir())
    with closing(snapshot(path)) as mine:
        assert sorted(tmp_path.iterdir()) == names
        with closing(sqlite3.connect(path)) as theirs:
            assert list(mine.iterdump()) == list(theirs.iterdump())


def killed_with_a_log(path: Path, commits: int = 3) -> None:
    """Leave a database with a log in which the newest commits are, and half of another."""
    make(path)
    child = os.fork()
    if not child:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA cache_size = 5")
        for number in range(1, commits + 1):
            db.execute("UPDATE rows SET number = ?", (number,))
        db.execute("BEGIN")
        db.execute("UPDATE rows SET number = 99, text = ?", ("z" * 2000,))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert Path(f"{path}-wal").stat().st_size


def listing(folder: Path) -> dict[str, tuple[int, ...]]:
    found = {}
    for each in [folder, *folder.iterdir()]:
        status = each.stat()
        found[each.name] = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return found


def test_after_a_kill_the_log_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killed_with_a_log(path)
    before = listing(tmp_path)
    with closing(snapshot(path)) as db:
        assert numbers(db) == {3}
        db.execute("UPDATE rows SET number = 7")
    assert listing(tmp_path) == before
    with closing(sqlite3.connect(path)) as db:
        assert numbers(db) == {3}


def test_what_of_a_log_is_damaged_counts_as_sqlite_counts_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killed_with_a_log(path)
    whole, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    chance = random.Random(7)
    for _ in range(25):
        spoilt = bytearray(log)
        where = chance.randrange(len(spoilt))
        if chance.random() < 0.5:
            spoilt[where] ^= 1 << chance.randrange(8)
        else:
            del spoilt[where:]
        folder = tmp_path / "spoilt"
        folder.mkdir(exist_ok=True)
        copy = folder / "journal.db"
        for each in folder.iterdir():
            each.unlink()
        copy.write_bytes(whole)
        Path(f"{copy}-wal").write_bytes(spoilt)
        with closing(snapshot(copy)) as mine:
            read = list(mine.iterdump())
        with closing(sqlite3.connect(copy)) as theirs:
            assert read == list(theirs.iterdump())


def test_a_log_with_checksums_of_the_other_byte_order_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killed_with_a_log(path)
    log = Path(f"{path}-wal")
    own = log.read_bytes()
    other = bytearray(own)
    struct.pack_into(">I", other, 0, struct.unpack_from(">I", own)[0] ^ 1)
    order = ">" if other[3] & 1 else "<"

    def checksum(data: bytes, one: int, two: int) -> tuple[int, int]:
        for a, b in struct.iter_unpack(f"{order}2I", data):
            one = (one + a + two) % 2**32
            two = (two + b + one) % 2**32
        return one, two

    last = checksum(bytes(other[:24]), 0, 0)
    struct.pack_into(">2I", other, 24, *last)
    for start in range(32, len(other) - 4119, 4120):
        last = checksum(bytes(other[start : start + 8]), *last)
        last = checksum(bytes(other[start + 24 : start + 4120]), *last)
        struct.pack_into(">2I", other, start + 16, *last)
    log.write_bytes(other)
    Path(f"{path}-shm").unlink()
    with closing(snapshot(path)) as db:
        assert numbers(db) == {3}


def test_a_database_in_rollback_mode_is_read_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path, "DELETE")
    before = listing(tmp_path)
    with closing(snapshot(path)) as db:
        assert numbers(db) == {0}
    assert listing(tmp_path) == before


def test_a_change_that_a_kill_left_half_written_in_rollback_mode_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path, "DELETE")
    child = os.fork()
    if not child:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA cache_size = 5")
        db.execute("BEGIN")
        db.execute("UPDATE rows SET number = 99, text = ?", ("z" * 2000,))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    before = listing(tmp_path)
    with pytest.raises(sqlite3.OperationalError, match="cut short"):
        snapshot(path)
    assert listing(tmp_path) == before


def test_where_python_can_t_take_an_image_a_file_that_is_gone_at_once_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    killed_with_a_log(path)
    real = sqlite3.connect

    class Older:
        """A connection of Python 3.10."""

        def __init__(self, db: sqlite3.Connection) -> None:
            self._db = db

        def __getattr__(self, name: str) -> Any:
            if name == "deserialize":
                raise AttributeError(name)
            return getattr(self._db, name)

    class Source(sqlite3.Connection):
        def backup(self, target: Any, **named: Any) -> None:
            super().backup(getattr(target, "_db", target), **named)

    def connect(name: str, **named: Any) -> Any:
        db = real(name, factory=Source, **named)
        return Older(db) if name == ":memory:" else db

    monkeypatch.setattr(module.sqlite3, "connect", connect)
    with closing(snapshot(path)) as db:
        assert numbers(db) == {3}


def test_a_database_that_this_process_has_open_keeps_its_locks(tmp_path: Path) -> None:
    """To close a file would end all locks that this process has on it."""
    path = tmp_path / "journal.db"
    make(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as own, in_use(path):
        own.execute("UPDATE rows SET number = 5")
        with closing(snapshot(path)) as db:
            assert numbers(db) == {5}
        child = os.fork()
        if not child:  # the last one to close it takes the log away, unless a lock keeps it
            other = sqlite3.connect(path)
            other.execute("SELECT * FROM rows").fetchall()
            other.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert Path(f"{path}-wal").exists()


def test_a_change_changes_the_stamp(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make(path)
    before = stamp(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE rows SET number = 1")
        assert stamp(path) != before


def test_a_change_within_a_tick_of_a_coarse_clock_changes_the_stamp(tmp_path: Path) -> None:
    # As before Linux 6.13: two writes within some milliseconds get the same time. The log keeps its
    # size while it is overwritten from its beginning, after a checkpoint.
    path = tmp_path / "journal.db"
    make(path)
    log = Path(f"{path}-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("UPDATE rows SET number = 1; UPDATE rows SET number = 2;")
        db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        db.execute("UPDATE rows SET number = 3")
        before, then = stamp(path), log.stat()
        db.execute("UPDATE rows SET number = 4")
        assert log.stat().st_size == then.st_size
        os.utime(log, ns=(then.st_atime_ns, then.st_mtime_ns))
        assert stamp(path) != before
        time.sleep(0.1)
        assert stamp(path) == stamp(path)


def test_who_reads_often_has_only_the_new_part_of_a_log_verified(tmp_path, monkeypatch):
    path, words = tmp_path / "journal.db", []
    checksum = module._checksum

    def counted(part, before):
        words.append(len(part))
        return checksum(part, before)

    monkeypatch.setattr(module, "_checksum", counted)
    program = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode = WAL')\n"
        "db.execute('CREATE TABLE t (x)')\n"
        "for line in sys.stdin:\n"
        "    db.execute(line)\n"
        "    print('done', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as writer:  # fmt: skip

        def run(statement):
            writer.stdin.write(f"{statement}\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "done\n"

        kept, counts = module.Kept(), []
        for number in range(20):
            run(f"INSERT INTO t VALUES (zeroblob(20000 + {number}))")
            words.clear()
            with closing(snapshot(path, kept)) as copy:
                counts.append(sum(words))
                assert copy.execute("SELECT count(*), sum(length(x)) FROM t").fetchone() == (
                    number + 1,
                    sum(20000 + n for n in range(number + 1)),
                )
        assert max(counts[1:]) < 3 * min(counts[1:])
        # A rolled-back transaction leaves frames that the next one overwrites.
        for statement in ("BEGIN", "DELETE FROM t", "ROLLBACK", "INSERT INTO t VALUES ('after')"):
            run(statement)
        with closing(snapshot(path, kept)) as copy:
            assert copy.execute("SELECT count(*) FROM t").fetchone() == (21,)
        # A new log has another header, and is verified as a whole.
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        run("INSERT INTO t VALUES (1)")
        with closing(snapshot(path, kept)) as copy:
            assert copy.execute("SELECT count(*) FROM t").fetchone() == (22,)
        writer.stdin.close()
