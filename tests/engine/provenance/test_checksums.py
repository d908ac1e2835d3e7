"""Checksums of files and folders, kept while the stamp stays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.provenance import checksums
from asimov.engine.provenance.checksums import Checksums
from asimov.journal.journal import Journal
from asimov.journal.provenance import ProvenanceRecords


@pytest.fixture
def records(tmp_path: Path) -> Iterator[ProvenanceRecords]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield ProvenanceRecords(journal)


def old(path: Path, text: str) -> Path:
    path.write_text(text)
    os.utime(path, (1e9, 1e9))
    return path


def test_a_file_is_read_once_while_its_stamp_stays(
    records: ProvenanceRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "SMALL", 2)
    path = old(tmp_path / "x", "one")
    first = Checksums(records)
    assert first.of(str(path)) == (hashlib.sha256(b"one").hexdigest(), 3, "")
    first.keep()

    def refuse(path: Any) -> str:
        raise AssertionError("it was read again")

    with monkeypatch.context() as patched:
        patched.setattr(checksums, "checksum", refuse)
        assert Checksums(records).of(str(path))[0] == hashlib.sha256(b"one").hexdigest()
    path.write_text("two")
    assert Checksums(records).of(str(path))[0] == hashlib.sha256(b"two").hexdigest()


def test_a_small_file_is_not_looked_up(records: ProvenanceRecords, tmp_path: Path) -> None:
    found = Checksums(records)
    path = old(tmp_path / "x", "one")
    assert found.of(str(path))[0] == hashlib.sha256(b"one").hexdigest()
    found.keep()
    assert records.checksums([str(path)]) == {}


def test_a_file_that_has_just_changed_is_not_trusted(
    records: ProvenanceRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "SMALL", 2)
    path = tmp_path / "x"
    path.write_text("one")
    stamp = path.stat().st_mtime_ns
    found = Checksums(records)
    found.of(str(path))
    found.keep()
    path.write_text("two")
    os.utime(path, ns=(stamp, stamp))
    assert found.of(str(path))[0] == hashlib.sha256(b"two").hexdigest()


def test_a_folder_is_the_sum_of_its_files(records: ProvenanceRecords, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    (folder / "sub").mkdir(parents=True)
    (folder / "b").write_text("b")
    (folder / "sub" / "a").write_text("a")
    lines = [f"{hashlib.sha256(each.encode()).hexdigest()}  {path}\n"
             for each, path in (("b", "b"), ("a", "sub/a"))]  # fmt: skip
    wanted = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert Checksums(records).of(str(folder)) == (wanted, 2, "")


def test_what_has_no_sum_says_why(
    records: ProvenanceRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(checksums, "LARGEST", 2)
    monkeypatch.setattr(checksums, "MOST_FILES", 1)
    (tmp_path / "d").mkdir()
    for name in "xy":
        (tmp_path / "d" / name).touch()
    (tmp_path / "large").write_text("abc")
    found = Checksums(records)
    assert found.of(str(tmp_path / "pipe")) == (None, 0, "it is neither a file nor a folder")
    assert found.of(str(tmp_path / "large"))[:2] == (None, 3)
    assert found.of(str(tmp_path / "d"))[2] == "it has more than 1 files"
    assert found.of(str(tmp_path / "none"))[2] == "No such file or directory"
