"""Requests to run analyses again once it is known whether their inputs change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from asimov.journal.database import Database
from asimov.journal.keys import Key
from asimov.system import clock


class Request(NamedTuple):
    """A person's request: when, in seconds since the epoch, by whom, and why."""

    asked: float
    actor: str
    reason: str

    def __str__(self) -> str:
        when = clock.iso(self.asked)
        return f"to run again if its inputs change, requested by {self.actor} at {when}"

    def as_json(self) -> dict[str, str]:
        """Return the request as plain data."""
        return {"by": self.actor, "at": clock.iso(self.asked), "reason": self.reason}


class Requests:
    """The requests of a project that are open.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def all(self) -> dict[Key, Request]:
        """Return every open request."""
        rows = self._journal.rows("SELECT subject, name, asked, actor, reason FROM reruns")
        return {Key(subject, name): Request(*rest) for subject, name, *rest in rows}

    def add(self, key: Key, actor: str, reason: str) -> None:
        """Add a request, or replace the one that an analysis has."""
        self._journal.write(
            "INSERT OR REPLACE INTO reruns VALUES (?, ?, ?, ?, ?)",
            (*key, clock.now(), actor, reason),
        )

    def close(self, keys: Iterable[Key]) -> None:
        """Close requests that were carried out, or that nothing is left of."""
        self._journal.write_many("DELETE FROM reruns WHERE subject = ? AND name = ?", keys)

    def automatic(self, key: Key, since: float) -> int:
        """Return how often the monitor restarted an analysis since then."""
        rows = self._journal.rows(
            "SELECT count(*) FROM events WHERE subject = ? AND name = ? AND time > ? "
            "AND actor = 'monitor' AND kind = 'state' AND after = 'restart'",
            (*key, since),
        )
        return int(rows[0][0])
