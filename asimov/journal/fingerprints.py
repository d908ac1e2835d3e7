"""What was true when it was last found out whether results hold, kept in the journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from asimov.journal.database import Database
from asimov.journal.keys import Key


def fingerprints(journal: Database, keys: Collection[Key]) -> dict[tuple[str, str], bytes]:
    """Return the encoded fingerprints of some analyses, and of others if that is quicker."""
    query = "SELECT subject, name, data FROM fingerprints WHERE true"
    rows = journal.rows_of(query, "subject = ? AND name = ?", keys)
    return {(subject, name): data for subject, name, data in rows}


def keep_fingerprints(journal: Database, encoded: Mapping[Key, bytes]) -> None:
    """Keep encoded fingerprints in place of earlier ones."""
    journal.write_many(
        "INSERT OR REPLACE INTO fingerprints (subject, name, data) VALUES (?, ?, ?)",
        ((*key, data) for key, data in encoded.items()),
    )
