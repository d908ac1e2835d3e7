"""Which file systems are taken for a network's, and that journal and queue agree on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal.journal import Journal
from asimov.scheduler.local.spool import Spool
from asimov.system import mounts

MOUNTS = rb"""/dev/a / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/b /home/local ext4 rw 0 0
/dev/c /home/local xfs rw 0 0
x /with\040space\011tab 9p rw 0 0
y /data lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"), ("/etc", "ext4"), ("/home", "nfs4"), ("/home/ada/x", "nfs4"),
        ("/homes", "ext4"), ("/home/local/x", "xfs"), ("/with space\ttab/x", "9p"),
        ("/data/\udcff", "lustre"),
    ],
)  # fmt: skip
def test_the_mount_that_holds_a_path_tells_its_file_system(path: str, kind: str) -> None:
    assert mounts.file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("ext4", "wal"), ("tmpfs", "wal"), ("nfs4", "delete"), ("cifs", "delete"),
        ("9p", "delete"), ("panfs", "delete"), ("fuse.glusterfs", "delete"),
    ],
)  # fmt: skip
def test_journal_and_queue_have_the_same_mode_on_any_file_system(
    kind: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "file_system", lambda *_: kind)
    Journal(tmp_path / ".asimov" / "journal.db").close()
    spool = Spool(tmp_path)
    spool.create()
    for path in (tmp_path / ".asimov" / "journal.db", spool.database):
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == (mode,), path
