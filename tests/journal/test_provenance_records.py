"""The journal's records of what attempts ran with: kept through migrations, and small."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from asimov.journal.journal import Journal
from asimov.journal.migrations import MIGRATIONS
from asimov.journal.provenance import ProvenanceRecords


def test_records_of_an_earlier_format_stay(tmp_path: Path) -> None:
    path = tmp_path / ".asimov" / "journal.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        for script in MIGRATIONS[:-1]:
            db.executescript(script)
        db.execute("INSERT INTO provenance VALUES ('u1', ?)", (msgspec.msgpack.encode({"a": 1}),))
        db.execute("INSERT INTO parts VALUES ('d1', ?)", (msgspec.msgpack.encode(["p==1"]),))
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
        db.commit()
    with closing(Journal(path)) as journal:
        records = ProvenanceRecords(journal)
        assert records.of("u1") == {"a": 1}
        assert records.parts(["d1"]) == {"d1": ["p==1"]}


def test_a_record_takes_no_page_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / ".asimov" / "journal.db"
    with closing(Journal(path)) as journal:
        records = ProvenanceRecords(journal)
        before = journal.rows("PRAGMA page_count")[0][0]
        records.keep({f"{number:032}": {"commands": "x" * 1200} for number in range(300)})
        assert journal.rows("PRAGMA page_count")[0][0] - before < 150
        assert records.of(f"{7:032}") == {"commands": "x" * 1200}
