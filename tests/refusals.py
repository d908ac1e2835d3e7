"""How a refusal is judged: one clear message, an exit code, and nothing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.conftest import Ran, snapshot


def tables(root: Path) -> dict[str, list[Any]]:
    """Return all that the journal holds, but for the cache of parsed files."""
    path = root / ".asimov" / "journal.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {
            name: sorted(map(repr, db.execute(f"SELECT * FROM {name}")))
            for name in names
            if name != "documents"
        }


def state(root: Path) -> tuple[dict[str, bytes], dict[str, list[Any]]]:
    """Return all that a command could change: files, and the journal's tables."""
    return snapshot(root), tables(root)


def is_clear(ran: Ran, *said: str, code: int = 1) -> None:
    """Judge the output of a command that refuses."""
    assert ran.code == code, ran
    assert 1 <= len(ran.err.strip().splitlines()) <= 4, ran
    assert "Traceback" not in ran.err + ran.out, ran
    assert "bug in asimov" not in ran.err, ran
    for each in said:
        assert each in ran.err, ran


def refused(
    asimov: Callable[..., Ran], root: Path, arguments: list[object], *said: str, code: int = 1
) -> Ran:
    """Run a command that must refuse, and see that it changed nothing."""
    asimov("status")  # makes the journal, and adopts nothing
    before = state(root)
    ran = asimov(*arguments)
    is_clear(ran, *said, code=code)
    assert state(root) == before
    return ran
