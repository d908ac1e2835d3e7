"""What each attempt's job used: kept in the journal once the scheduler can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.keys import Key
from asimov.system import clock

#: How long a scheduler is asked for what an ended job used, in seconds: its history may lag, and
#: a job that it has forgotten by then will not be told of any more.
PATIENCE = 6 * 3600

#: The usage of a job that will not be told of any more.
_NEVER = msgspec.msgpack.encode(None)


class Unmeasured(NamedTuple):
    """An attempt that has ended and whose usage is not known yet."""

    uid: str
    scheduler: str
    place: str
    job_id: int
    intended: float


class Usages:
    """The usage of attempts.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def unmeasured(self) -> list[Unmeasured]:
        """Return the attempts whose job has ended and whose usage is still to be asked for."""
        return [
            Unmeasured(*row)
            for row in self._journal.rows(
                "SELECT uid, scheduler, place, job_id, intended FROM attempts "
                "WHERE state = 'ended' AND usage IS NULL AND job_id IS NOT NULL AND ended > ?",
                (clock.now() - PATIENCE,),
            )
        ]

    def keep(self, usages: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what was used, by attempt; those of long ago that nobody told of are given up."""
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
        """Return what was used, stage and figures, by attempt, of some analyses or of all.

        An attempt of which nothing is known is left out.
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
