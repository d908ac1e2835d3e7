"""The resource usage of each attempt's job, kept in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.journal.keys import Key
from asimov.system import clock

#: How long to ask the scheduler for the usage of an ended job, in seconds: its history may lag, but
#: a job that is missing after this time stays missing.
PATIENCE = 6 * 3600

#: The usage of a job that will never be known.
_NEVER = msgspec.msgpack.encode(None)


class Unmeasured(NamedTuple):
    """An attempt that has ended and whose usage is unknown."""

    uid: str
    scheduler: str
    place: str
    job_id: int
    intended: float


class Usages:
    """The usage of all attempts.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def unmeasured(self) -> list[Unmeasured]:
        """Return the attempts whose job has ended and whose usage the scheduler may still know."""
        return [
            Unmeasured(*row)
            for row in self._journal.rows(
                "SELECT uid, scheduler, place, job_id, intended FROM attempts "
                "WHERE state = 'ended' AND usage IS NULL AND job_id IS NOT NULL AND ended > ?",
                (clock.now() - PATIENCE,),
            )
        ]

    def keep(self, usages: Mapping[str, Mapping[str, Any]]) -> None:
        """Record usage by attempt, and give up on attempts that ended long ago."""
        with self._journal.transaction():
            self._journal.write_many(
                "UPDATE attempts SET usage = ? WHERE uid = ?",
                ((msgspec.msgpack.encode(usage), uid) for uid, usage in usages.items()),
            )
            self._journal.write(
                "UPDATE attempts SET usage = ? "
                "WHERE state = 'ended' AND usage IS NULL AND ended <= ?",
                (_NEVER, clock.now() - PATIENCE),
            )

    def of(self, keys: Iterable[Key] | None = None) -> dict[Key, list[tuple[str, dict[str, Any]]]]:
        """Return the usage, as stage and figures of each attempt, of some analyses or of all.

        Attempts whose usage is unknown are left out.
        """
        query = "SELECT subject, name, stage, usage FROM attempts WHERE usage IS NOT NULL"
        order = " ORDER BY number"
        if keys is None:
            rows = self._journal.rows(query + order)
        else:
            rows = [
                row
                for key in keys
                for row in self._journal.rows(f"{query} AND subject = ? AND name = ?{order}", key)
            ]
        found: dict[Key, list[tuple[str, dict[str, Any]]]] = {}
        for subject, name, stage, packed in rows:
            usage = unpacked(self._journal, packed)
            if usage is not None:
                found.setdefault(Key(subject, name), []).append((stage, usage))
        return found
