"""Take snapshots of files, the journal and the queue, and compare them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.scheduler.local import LocalScheduler

#: Files that even a read-only command may write: SQLite's files, locks, the log, git's files.
_LEFT_OUT = (".db", ".db-wal", ".db-shm", ".db-journal", ".lock", "asimov.log", "calling", ".bell")
_FOLDERS = {".git", "local", "__pycache__"}


def files(folder: Path) -> dict[str, str]:
    """Return the digest of every file in a folder, and the names of its folders."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.name.endswith(_LEFT_OUT) or _FOLDERS.intersection(name.parts):
            continue
        if path.is_file() and not path.is_symlink():
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[f"{name}/"] = ""
    return found


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """Summarise the differences between two snapshots of files; empty if there are none."""
    parts = []
    for what, names in (
        ("new", after.keys() - before.keys()),
        ("gone", before.keys() - after.keys()),
        ("changed", {name for name in before.keys() & after.keys() if before[name] != after[name]}),
    ):
        if names:
            some = sorted(names)
            parts.append(f"{what}: {', '.join(some[:3])}{' ...' if len(some) > 3 else ''}")
    return "; ".join(parts)


def journal(workspace: Workspace) -> list[str]:
    """Return the contents of the journal, without leases and its cache of parsed ledger files."""
    with closing(sqlite3.connect(workspace.journal.path)) as db:
        lines = db.iterdump()
        return [line for line in lines if 'INTO "documents"' not in line and "lease" not in line]


def jobs(workspace: Workspace, key: Key) -> dict[int, str | None]:
    """Return the jobs of an analysis, and jobs without an owner, with their attempts."""
    scheduler = workspace.scheduler()
    if isinstance(scheduler, LocalScheduler):
        query = "SELECT id, uid, tags FROM clusters WHERE dag IS NULL"
        rows: list[Any] = scheduler.spool.ask(lambda db: db.execute(query).fetchall(), [])
        known = [(row[0], row[1], json.loads(row[2]).get("AsimovAnalysis")) for row in rows]
    else:
        listed = scheduler.jobs_of_project() or []
        known = [(each.job_id, each.tag.uid, each.tag.analysis) for each in listed]
    return {number: uid for number, uid, whose in known if whose in {None, str(key)}}
