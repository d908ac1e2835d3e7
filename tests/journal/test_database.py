"""A journal that can't be used: one line that says what, where and what to do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal import database
from asimov.journal.database import Database, JournalError, lacks_log
from asimov.journal.journal import Journal

KEYS = [("s", f"a{number}") for number in range(500)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".asimov" / "journal.db"
    with closing(Journal(path)) as journal:
        journal.add([(key, "ready", "x" * 100) for key in KEYS], "test")
    assert not Path(f"{path}-wal").exists()
    assert path.stat().st_size > 20 * 4096
    return path


def use(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.records()
        journal.events()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * 4096 + 17])


def zeros(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)


def no_database(path: Path) -> None:
    path.write_bytes(b"something else " * 1000)


def no_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:100] = bytes(100)
    path.write_bytes(data)


def no_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE events")


def no_column(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE analyses DROP COLUMN reason")


def no_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")


def no_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE analyses SET reason = CAST(x'ff80' AS TEXT) WHERE name = 'a7'")
        db.commit()


@pytest.mark.parametrize(
    "damage", [cut, zeros, no_database, no_header, no_table, no_column, no_version, no_text]
)
def test_a_damaged_journal_is_one_line_with_the_way_out_and_is_left_alone(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(JournalError) as told:
        use(path)
    assert told.value.exit_code == 1
    assert str(told.value).startswith(f"{path}: the journal is damaged: ")
    assert "\n" not in str(told.value)
    assert told.value.hint
    assert "asimov ledger repair" in told.value.hint
    assert path.read_bytes() == before


def test_a_log_that_was_taken_away_is_noticed(path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from asimov.journal.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.intend(('s', 'a1'), 'uid', 'run', 'local')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size
    assert not lacks_log(path)
    Path(f"{path}-wal").unlink()
    with pytest.raises(JournalError, match="write-ahead log is missing") as told:
        use(path)
    assert "asimov ledger repair" in str(told.value.hint)
    assert not Path(f"{path}-wal").exists()


def test_a_log_is_not_missed_while_others_open_and_close_the_journal(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from asimov.journal.journal import Journal\n"
        "for _ in range(200):\n"
        "    Journal(Path(sys.argv[1])).close()\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(2)]
    while any(each.poll() is None for each in others):
        assert not lacks_log(path)
    assert [each.returncode for each in others] == [0, 0]


def told_of(error: sqlite3.Error, path: Path) -> JournalError:
    with closing(Database(path)) as opened:
        return opened._fault(error)


@pytest.mark.parametrize(
    ("words", "state", "said"),
    [
        ("database or disk is full", "can't be written", "the disk is full"),
        (
            "attempt to write a readonly database",
            "can't be opened or written",
            "you may not write there",
        ),
        ("unable to open database file", "can't be opened or written", "you may not write there"),
        ("database is locked", "is locked", "keeps it locked"),
        ("disk I/O error", "can't be read or written", "the disk is failing"),
        ("database disk image is malformed", "is damaged", "asimov ledger repair"),
        ("file is not a database", "is damaged", "asimov ledger repair"),
        ("no such table: analyses", "is damaged", "asimov ledger repair"),
        (
            "a change of it was cut short",
            "can't be read yet",
            "any command that changes the project does that",
        ),
    ],
)
def test_what_to_do_is_told_by_the_words_where_python_knows_no_codes(
    path: Path, words: str, state: str, said: str
) -> None:
    told = told_of(sqlite3.OperationalError(words), path)
    assert str(told) == f"{path}: the journal {state}: {words}"
    assert said in str(told.hint)


def test_an_input_output_error_on_a_full_disk_is_the_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "is_full", lambda folder: True)
    told = told_of(sqlite3.OperationalError("disk I/O error"), path)
    assert "the disk is full" in str(told.hint)


def test_a_transaction_that_sqlite_has_undone_tells_why(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal._db.execute("PRAGMA max_page_count = 1")
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with (
            pytest.raises(JournalError, match="database or disk is full") as told,
            journal.transaction(),
        ):
            for number in range(1000):
                journal.set_facts(("s", f"b{number}"), {"text": "y" * 1000})
        assert "make room" in str(told.value.hint)
        assert journal.facts() == {}
        assert not journal._db.in_transaction
        assert journal.set_status(KEYS[0], "ready", "wait", "ada", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_journal_that_may_not_be_written(path: Path) -> None:
    path.chmod(0o400)
    with pytest.raises(JournalError) as told:
        use(path)
    assert "you may not write there" in str(told.value.hint)


def test_a_database_that_was_moved_or_replaced_is_not_written_any_more(tmp_path):
    """What would be written there would be read by nobody."""
    path = tmp_path / "project" / "journal.db"
    with closing(Database(path)) as old:
        for change in (lambda: path.parent.rename(tmp_path / "b"), lambda: Database(path).close()):
            change()
            with pytest.raises(JournalError, match="moved or replaced"):
                old.write("INSERT INTO properties VALUES ('a', 'b')")
        with closing(Database(path)) as new:
            new.write("INSERT INTO properties VALUES ('a', 'b')")
            assert new.rows("SELECT * FROM properties") == [("a", "b")]
        assert old.rows("SELECT * FROM properties") == []
