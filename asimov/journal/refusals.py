"""Digests of the settings with which analyses could not be built."""

from __future__ import annotations

from asimov.journal.database import Database
from asimov.journal.keys import Key


class Refusals:
    """A digest of the settings of each analysis that could not be built.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def of(self, key: Key) -> str | None:
        """Return the digest of an analysis; None if it has always been built."""
        rows = self._journal.rows(
            "SELECT settings FROM refusals WHERE subject = ? AND name = ?", key
        )
        return str(rows[0][0]) if rows else None

    def keep(self, key: Key, digest: str) -> None:
        """Keep the digest of an analysis in place of an earlier one."""
        self._journal.write("INSERT OR REPLACE INTO refusals VALUES (?, ?, ?)", (*key, digest))
