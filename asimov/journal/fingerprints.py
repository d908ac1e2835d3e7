"""What was true when it was last found out whether results hold, kept in the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from asimov.journal.database import Database
from asimov.journal.keys import Key

#: For more analyses than this, all rows are read at once.
_FEW = 50


def fingerprints(journal: Database, keys: Collection[Key]) -> dict[tuple[str, str], bytes]:
    """Return the encoded fingerprints of some analyses, and of others if that is quicker."""
    query = "SELECT subject, name, data FROM fingerprints"
    if len(keys) > _FEW:
        rows: Iterable[tuple[str, str, bytes]] = journal.rows(query)
    else:
        where = f"{query} WHERE subject = ? AND name = ?"
        rows = (row for key in keys for row in journal.rows(where, key))
    return {(subject, name): data for subject, name, data in rows}


def keep_fingerprints(journal: Database, encoded: Mapping[Key, bytes]) -> None:
    """Keep encoded fingerprints in place of earlier ones."""
    journal.write_many(
        "INSERT OR REPLACE INTO fingerprints (subject, name, data) VALUES (?, ?, ?)",
        ((*key, data) for key, data in encoded.items()),
    )
