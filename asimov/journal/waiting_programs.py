"""Which analyses a program waits for: as a task, or as a call of a function."""

from __future__ import annotations

from asimov.journal.database import Database
from asimov.journal.keys import Key


def is_awaited(journal: Database, key: Key) -> bool:
    """Return whether a program has asked for an analysis by one of the protocols."""
    rows = journal.rows(
        "SELECT 1 FROM tasks WHERE (subject, name) = (?, ?) "
        "UNION SELECT 1 FROM function_calls WHERE (subject, name) = (?, ?)",
        (*key, *key),
    )
    return bool(rows)
