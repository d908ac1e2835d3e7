"""The last build of each analysis, and the settings with which analyses could not be built."""

from __future__ import annotations

from collections.abc import Mapping

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Build


class Builds:
    """The builds of a project.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def all(self) -> dict[Key, Build]:
        """Return the last build of each analysis."""
        rows = self._journal.rows("SELECT subject, name, config, digest, content, time FROM builds")
        return {Key(row[0], row[1]): Build(*row[2:]) for row in rows}

    def record(self, builds: Mapping[Key, Build]) -> None:
        """Record builds, once they are committed."""
        with self._journal.transaction():
            for key, build in builds.items():
                self._journal.write(
                    "INSERT OR REPLACE INTO builds VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, build.config, build.digest, build.content, build.time),
                )
                self._journal.note(key, "build", "built", build.config, at=build.time)

    def forget(self, key: Key) -> None:
        """Forget the build of an analysis, so that it is built again before it is submitted."""
        self._journal.write("DELETE FROM builds WHERE subject = ? AND name = ?", key)

    def refused(self, key: Key) -> str | None:
        """Return a digest of the settings that could not be built; None if there were none."""
        rows = self._journal.rows(
            "SELECT settings FROM refusals WHERE subject = ? AND name = ?", key
        )
        return str(rows[0][0]) if rows else None

    def refuse(self, key: Key, digest: str) -> None:
        """Keep a digest of the settings that can't be built, in place of an earlier one."""
        self._journal.write("INSERT OR REPLACE INTO refusals VALUES (?, ?, ?)", (*key, digest))
