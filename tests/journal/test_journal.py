"""The journal: what it keeps through crashes, and what it refuses."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

import asimov
from asimov.errors import AsimovError
from asimov.journal import database
from asimov.journal.database import JournalError
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.migrations import MIGRATIONS

KEY = Key("s", "a")


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".asimov" / "journal.db"


@pytest.fixture
def journal(path):
    with closing(Journal(path)) as opened:
        opened.add([(KEY, "ready", "test")], "test")
        yield opened


def mode(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_move_is_recorded_with_who_and_why(journal):
    assert journal.set_status(KEY, "ready", "wait", "ada", "not yet")
    record = journal.record(KEY)
    assert (record.status, record.reason) == ("wait", "not yet")
    event = journal.events()[-1]
    assert (event.before, event.after, event.actor, event.reason) == (
        "ready", "wait", "ada", "not yet",
    )  # fmt: skip
    assert event.time == record.since


def test_a_move_from_a_state_that_has_been_left_changes_nothing(journal):
    journal.set_status(KEY, "ready", "wait", "ada", None)
    assert not journal.set_status(KEY, "ready", "running", "submit", None)
    assert journal.record(KEY).status == "wait"
    assert len(journal.events()) == 2


def test_of_many_who_move_it_at_once_one_does(path, journal):
    program = (
        "import sys; from pathlib import Path; from asimov.journal.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "print(journal.set_status(('s', 'a'), 'ready', 'wait', sys.argv[2], None))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(number)], stdout=subprocess.PIPE
        )
        for number in range(4)
    ]
    said = [process.communicate()[0].strip() for process in started]
    assert sorted(said) == [b"False", b"False", b"False", b"True"]
    assert len(journal.events()) == 2


def test_an_analysis_is_taken_up_once(journal):
    journal.set_status(KEY, "ready", "wait", "ada", None)
    journal.add([(KEY, "ready", "again"), (Key("s", "b"), "ready", "new")], "test")
    assert journal.records()[KEY].status == "wait"
    assert [event.name for event in journal.events()] == ["a", "a", "b"]


def test_a_block_that_raises_leaves_nothing_behind(journal):
    with pytest.raises(KeyError), journal.transaction():
        journal.set_status(KEY, "ready", "wait", "ada", None)
        journal.set_facts(KEY, {"x": 1})
        raise KeyError
    assert journal.record(KEY).status == "ready"
    assert journal.facts() == {}
    assert journal.set_status(KEY, "ready", "wait", "ada", None)  # and goes on


def test_a_kill_loses_nothing_that_was_committed_and_keeps_nothing_that_was_not(path):
    program = """
        import os, signal, sys
        from pathlib import Path
        from asimov.journal.journal import Journal

        journal = Journal(Path(sys.argv[1]))
        journal.add([(("s", f"a{i}"), "ready", None) for i in range(100)], "test")
        for i in range(50):
            journal.set_status(("s", f"a{i}"), "ready", "wait", "test", None)
        journal.intend(("s", "a50"), "uid", "run", "local")
        print("committed", flush=True)
        with journal.transaction():
            for i in range(50, 100):
                journal.set_status(("s", f"a{i}"), "ready", "wait", "test", None)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"committed\n"), done.stderr
    with closing(Journal(path)) as again:
        states = [record.status for record in again.records().values()]
        assert (states.count("wait"), states.count("ready")) == (50, 50)
        assert len(again.events()) == 150
        assert [attempt.uid for attempt in again.open_attempts()] == ["uid"]


def test_a_newer_format_is_refused_and_left_alone(path):
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(
        AsimovError, match=r"the journal was written by a newer asimov \(format"
    ) as told:
        Journal(path)
    assert told.value.where == path
    assert path.read_bytes() == before


def test_steps_of_the_format_run_once(path, monkeypatch):
    Journal(path).close()
    monkeypatch.setattr(database, "MIGRATIONS", [*MIGRATIONS, "CREATE TABLE more (x)"])
    for _ in range(2):
        with closing(Journal(path)) as opened:
            assert opened.records() == {}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_a_step_that_fails_leaves_the_format_as_it_was(path, monkeypatch):
    Journal(path).close()
    steps = [*MIGRATIONS, "CREATE TABLE more (x);\nCREATE TABLE more (x)"]
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    with pytest.raises(JournalError, match="the journal is damaged: table more already exists"):
        Journal(path)
    monkeypatch.undo()
    Journal(path).close()


@pytest.mark.parametrize("damage", ["no database", "first page", "later pages", "cut"])
def test_a_damaged_file_is_one_line(path, damage):
    with closing(Journal(path)) as journal:
        journal.add([(("s", f"a{i}"), "ready", "x" * 100) for i in range(500)], "test")
        journal._db.execute("PRAGMA journal_mode = DELETE")
    data = bytearray(path.read_bytes())
    assert len(data) > 20 * 4096
    if damage == "no database":
        data = bytearray(b"something else " * 1000)
    elif damage == "first page":
        data[100:4096] = os.urandom(3996)
    elif damage == "later pages":
        data[4096:] = b"\xff" * (len(data) - 4096)
    else:
        data = data[: 3 * 4096 + 17]
    path.write_bytes(data)

    def use():
        with closing(Journal(path)) as journal:
            journal.records()
            journal.events()

    with pytest.raises(JournalError) as told:
        use()
    assert str(told.value).startswith(f"{path}: the journal is damaged: ")
    assert "\n" not in str(told.value)


def test_a_folder_in_the_place_of_the_journal(path):
    path.mkdir(parents=True)
    said = "the journal can't be opened or written: unable to open"
    with pytest.raises(JournalError, match=said):
        Journal(path)


def test_the_write_ahead_log_is_for_local_file_systems(path, monkeypatch):
    Journal(path).close()
    assert mode(path) == "wal"
    monkeypatch.setattr(database, "on_network", lambda path: True)
    with closing(Journal(path)) as opened:
        opened.add([(KEY, "ready", None)], "test")
        assert not path.with_name("journal.db-wal").exists()
        assert not path.with_name("journal.db-shm").exists()
    assert mode(path) == "delete"
    monkeypatch.setattr(database, "on_network", lambda path: False)
    with closing(Journal(path)) as opened:
        assert list(opened.records()) == [KEY]
    assert mode(path) == "wal"


def test_facts_are_plain_data_whatever_a_plugin_writes(journal, tmp_path):
    import numpy

    journal.set_facts(KEY, {
        "array": numpy.arange(3), "number": numpy.float64(1.5), "path": tmp_path,
        "tuple": (1, 2), "set": {1}, 5: "five",
    })  # fmt: skip
    assert journal.facts()[KEY] == {
        "array": [0, 1, 2], "number": 1.5, "path": str(tmp_path), "tuple": [1, 2], "set": [1],
        5: "five",
    }  # fmt: skip


def test_attempts_are_counted_and_closed(journal):
    for number in (1, 2):
        attempt = journal.intend(KEY, f"u{number}", "run", "local")
        assert attempt.number == number
        journal.submitted(f"u{number}", 10 + number, ["a.log", "b.log"])
        assert journal.record(KEY).job_id == 10 + number
        assert [each.uid for each in journal.open_attempts()] == [f"u{number}"]
        journal.ended(f"u{number}", "ended", exit_code=0, evidence="history", reason="done")
    first, second = journal.attempts(KEY)
    assert (first.state, first.exit_code, first.logs) == ("ended", 0, "a.log\nb.log")
    assert second.key == KEY


def test_properties_are_kept_and_forgotten(journal):
    assert journal.get_property("x") is None
    journal.set_property("x", "1")
    journal.set_property("x", "2")
    assert journal.get_property("x") == "2"
    journal.set_property("x", None)
    assert journal.get_property("x") is None


def test_of_attempts_in_a_row_that_made_no_job_for_one_reason_the_last_is_kept(path):
    journal = Journal(path)
    key = Key("s", "a")
    journal.add([(key, "ready", "new")], "test")
    for number in range(1, 4):
        attempt = journal.intend(key, f"u{number}", "run", "local")
        assert attempt.number == number
        journal.ended(attempt.uid, "void", exit_code=None, evidence="none", reason="no answer")
    assert [each.uid for each in journal.attempts(key)] == ["u3"]
    journal.ended(
        journal.intend(key, "u4", "run", "local").uid,
        "void", exit_code=None, evidence="none", reason="another",
    )  # fmt: skip
    assert [(each.uid, each.number) for each in journal.attempts(key)] == [("u3", 3), ("u4", 4)]
    journal.close()


def test_no_statement_numbers_its_parameters():
    """From Python 3.12 on `?1` with a sequence is a warning, and from 3.14 on an error."""
    numbered = [
        f"{file.name}: {line.strip()}"
        for file in Path(asimov.__file__).parent.rglob("*.py")
        for line in file.read_text().splitlines()
        if re.search(r"(?<!\[)\?\d", line)  # after a bracket it is a mode of a terminal
    ]
    assert not numbered


def test_records_that_are_the_same_as_before_are_taken_from_there(journal):
    others = [Key("s", "b"), Key("t", "c")]
    journal.add([(each, "ready", "test") for each in others], "test")
    before = journal.records()
    journal.set_status(KEY, "ready", "wait", "test", None)
    after = journal.records(before)
    assert after == journal.records()
    assert [after[key] is before[key] for key in (KEY, *others)] == [False, True, True]
    journal.write("DELETE FROM analyses WHERE name = 'b'")
    assert journal.records(after) == journal.records()
    journal.add([(Key("a", "d"), "ready", "test")], "test")  # as many as before, and others
    assert journal.records(after) == journal.records()
