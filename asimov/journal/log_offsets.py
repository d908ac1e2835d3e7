"""How far event logs have been read, kept in the journal from one command to the next."""

from __future__ import annotations

from collections.abc import Mapping

from asimov.journal.database import Database
from asimov.layout import Project


class Bookmarks:
    """The bookmarks of a project's event logs; a cache, which may be lost.

    Parameters
    ----------
    journal
        Where they are kept.
    project
        Whose logs they are: the journal's paths are relative to it.
    """

    def __init__(self, journal: Database, project: Project) -> None:
        self._journal = journal
        self._project = project

    def load(self) -> dict[str, bytes]:
        """Return every bookmark by its log's absolute path."""
        rows = self._journal.rows("SELECT path, bookmark FROM logs")
        return {str(self._project.path(path)): bookmark for path, bookmark in rows}

    def save(self, changed: Mapping[str, bytes]) -> None:
        """Keep bookmarks that are new or have changed, and forget those that are empty."""
        if self._journal.reading:
            return
        rows = [(self._project.stored(path), bookmark) for path, bookmark in changed.items()]
        with self._journal.transaction():
            self._journal.write_many(
                "INSERT OR REPLACE INTO logs VALUES (?, ?)", (row for row in rows if row[1])
            )
            self._journal.write_many(
                "DELETE FROM logs WHERE path = ?", ((path,) for path, data in rows if not data)
            )
