"""What is read of a damaged journal: every row that a whole page holds."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal.datasets import Datasets, FunctionCall
from asimov.journal.journal import Journal
from asimov.journal.migrations import MIGRATIONS
from asimov.journal.salvage import Salvaged, salvage, tables
from asimov.pipeline.card.visits import Memory
from asimov.system.kept_files import KeptFiles

KEYS = [("s", f"a{number:03}") for number in range(400)]
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal, journal.transaction():
        journal.add([(key, "ready", "x" * 200) for key in KEYS], "test")
        for number, key in enumerate(KEYS):
            journal.intend(key, f"u{number:03}", "run", "local")
            journal.set_facts(key, {"number": number, "text": "y" * 100})
    return path


def names(found: Salvaged, table: str) -> set[str]:
    return {row["name"] for row in found.rows[table]}


def pages_of(path: Path, table: str) -> list[int]:
    """Return the numbers of a table's pages, by writing each over and seeing what is missed."""
    data = path.read_bytes()
    wanted = []
    for number in range(1, len(data) // PAGE):
        # A leaf of a table without row numbers, or with them, that holds this table's texts.
        page = data[number * PAGE : (number + 1) * PAGE]
        mark = {"analyses": b"ready" + b"A", "facts": b"\xa4text"}[table]
        if page[0] in (0x0A, 0x0D) and mark in page:
            wanted.append(number)
    return wanted


def spoil(path: Path, pages: list[int], content: bytes | None = None) -> None:
    data = bytearray(path.read_bytes())
    for number in pages:
        data[number * PAGE : (number + 1) * PAGE] = content or os.urandom(PAGE)
    path.write_bytes(data)


def test_of_a_whole_journal_all_is_read_and_nothing_is_wrong(path: Path) -> None:
    found = salvage(path)
    assert (found.damage, found.incomplete) == ([], set())
    assert found.version == len(MIGRATIONS)
    assert names(found, "analyses") == {name for _, name in KEYS}
    assert len(found.rows["attempts"]) == len(found.rows["facts"]) == 400


def test_what_protocols_and_plugins_have_written_is_whole(path: Path) -> None:
    with closing(Journal(path)) as journal:
        memory = Memory(journal, "plugin", KeptFiles(path.with_name("blobs")))
        memory.state.set("small", {"a": 1})
        memory.blobs.set("bytes", b"\xc1 is no MessagePack")
        datasets = Datasets(journal)
        call = FunctionCall("uid", 1, "s", "a000", "Function", 1.5, [1])
        datasets.add_call(call)
        datasets.list_outputs(call, 1800000000.25, "results/s/a000", [])
    found = salvage(path)
    assert (found.damage, found.incomplete) == ([], set())
    for table in ("plugin_values", "plugin_blobs", "function_calls"):
        assert len(found.rows[table]) == 1
    assert found.rows["function_calls"][0]["listed"] == 1800000000.25


@pytest.mark.parametrize("content", [bytes(PAGE), None])
def test_the_rows_of_a_lost_page_are_missing_and_no_others(
    path: Path, content: bytes | None
) -> None:
    pages = pages_of(path, "facts")
    assert len(pages) > 8
    lost = [pages[3], pages[6]]
    data = path.read_bytes()
    gone = {
        name
        for _, name in KEYS
        if any(name.encode() in data[n * PAGE : (n + 1) * PAGE] for n in lost)
    }
    spoil(path, lost, content)
    found = salvage(path, KEYS)
    assert found.damage
    assert found.incomplete == {"facts"}
    assert 0 < len(gone) < 200
    assert names(found, "facts") >= {name for _, name in KEYS} - gone
    assert names(found, "analyses") == {name for _, name in KEYS}


def test_rows_with_numbers_are_found_between_lost_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        total = db.execute("SELECT count(*) FROM events").fetchone()[0]
    data = path.read_bytes()
    pages = [
        number
        for number in range(1, len(data) // PAGE)
        for page in [data[number * PAGE : (number + 1) * PAGE]]
        if page[0] == 0x0D and b"state" in page and b"CREATE" not in page
    ]
    assert len(pages) > 8
    spoil(path, [pages[2], pages[5]])
    found = salvage(path)
    assert "events" in found.incomplete
    numbers = {row["id"] for row in found.rows["events"]}
    each = total / len(pages)
    assert total - 4 * each <= len(numbers) < total
    # Of those between the two, which neither end leads to, some were read.
    missing = sorted(set(range(1, total + 1)) - numbers)
    assert set(range(missing[0], missing[-1])) & numbers


@pytest.mark.parametrize("size", [0, 1, 100, 512, PAGE, PAGE + 1, 3 * PAGE, 10 * PAGE, 30 * PAGE])
def test_a_file_of_any_length_gives_what_it_has(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    found = salvage(path, KEYS)
    assert found.damage
    assert found.rows.keys() == {table.name for table in tables()}
    for table in tables():
        for row in found.rows[table.name]:
            assert set(row) <= set(table.columns)


def test_bytes_that_are_flipped_anywhere_are_survived(path: Path) -> None:
    whole = path.read_bytes()
    chance = random.Random(3)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(20):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        found = salvage(path, KEYS)
        assert all(row["status"] == "ready" for row in found.rows["analyses"])
        assert all(row["state"] == "intended" for row in found.rows["attempts"])


def test_a_row_that_can_not_be_right_is_left_out_and_told(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE analyses SET status = 'rexdy' WHERE name = 'a001'")
        db.execute("UPDATE analyses SET reason = CAST(x'ff80' AS TEXT) WHERE name = 'a002'")
        db.execute("UPDATE facts SET data = x'c1' WHERE name = 'a003'")
        db.execute("UPDATE attempts SET intended = 'never' WHERE name = 'a004'")
        db.commit()
    found = salvage(path)
    told = {line for line in found.damage if "can't be right" in line}
    assert told == {
        "2 rows of the table analyses can't be right",
        "1 rows of the table attempts can't be right",
        "1 rows of the table facts can't be right",
    }
    assert found.incomplete == {"analyses", "attempts", "facts"}
    assert {name for _, name in KEYS} - names(found, "analyses") == {"a001", "a002"}
    assert {name for _, name in KEYS} - names(found, "facts") == {"a003"}
    assert {name for _, name in KEYS} - names(found, "attempts") == {"a004"}


def test_a_journal_of_an_older_format_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version = 1")
        db.execute(
            "INSERT INTO analyses (subject, name, status, since) VALUES ('s', 'a', 'wait', 1)"
        )
        db.commit()
    found = salvage(path)
    assert (found.damage, found.incomplete) == ([], set())
    assert found.rows["analyses"][0]["status"] == "wait"
    assert found.rows["remedies"] == []


def test_a_table_that_lacks_a_column_is_damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE analyses DROP COLUMN reason")
    found = salvage(path)
    assert found.damage == ["the table analyses lacks reason"]
    assert len(found.rows["analyses"]) == 400
