"""How far each event log has been read, kept in the journal from one command to the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asimov.journal.database import Database


class Bookmarks:
    """A bookmark for each event log; a cache that may be lost.

    Parameters
    ----------
    journal
        Where they are kept.
    root
        The project's folder. Paths of logs inside it are kept relative to it, so that the project
        can be moved.
    """

    def __init__(self, journal: Database, root: Path) -> None:
        self._journal = journal
        self._root = root

    def load(self) -> dict[str, bytes]:
        """Return every bookmark by its log's absolute path."""
        rows = self._journal.rows("SELECT path, bookmark FROM logs")
        return {str(self._root / path): bookmark for path, bookmark in rows}

    def save(self, changed: Mapping[str, bytes]) -> None:
        """Save new and changed bookmarks, and delete those that are empty.

        Parameters
        ----------
        changed
            The bookmarks by their logs' absolute paths.
        """
        if self._journal.reading:
            return
        rows = [(self._stored(path), bookmark) for path, bookmark in changed.items()]
        with self._journal.transaction():
            self._journal.write_many(
                "INSERT OR REPLACE INTO logs VALUES (?, ?)", (row for row in rows if row[1])
            )
            self._journal.write_many(
                "DELETE FROM logs WHERE path = ?", ((path,) for path, data in rows if not data)
            )

    def _stored(self, path: str) -> str:
        absolute = self._root / path
        inside = absolute.is_relative_to(self._root)
        return str(absolute.relative_to(self._root) if inside else absolute)
