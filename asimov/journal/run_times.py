"""When jobs began to run and when they ended, kept in the journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from asimov.journal.database import Database
from asimov.journal.keys import Key


class RunTime(NamedTuple):
    """When an analysis last ran; its post-processing is a part of the run.

    Attributes
    ----------
    started, ended
        In seconds since the epoch; `ended` is None while its job runs, or waits to run on.
    """

    started: float
    ended: float | None

    def seconds(self, now: float) -> float:
        """Return how long it ran, or has run until now."""
        return max(0.0, (now if self.ended is None else self.ended) - self.started)


def record_starts(journal: Database, starts: Mapping[str, float]) -> None:
    """Record when jobs were first seen to have begun, by attempt; the first record counts."""
    journal.write_many(
        "UPDATE attempts SET started = ? WHERE uid = ? AND started IS NULL",
        ((when, uid) for uid, when in starts.items()),
    )


def run_times(journal: Database, keys: Collection[Key] | None = None) -> dict[Key, RunTime]:
    """Return when analyses last ran, where that is known; by default all, and perhaps more.

    Parameters
    ----------
    journal
        The journal.
    keys
        The analyses.
    """
    found: dict[Key, RunTime] = {}
    rows = journal.rows_of(
        "SELECT subject, name, stage, started, iif(ended IS NULL, NULL, "
        "coalesce(finished, ended)) FROM attempts WHERE state != 'void'",
        "subject = ? AND name = ?",
        keys,
        "ORDER BY subject, name, number",
    )
    for subject, name, stage, started, ended in rows:
        key = Key(subject, name)
        if stage == "run":
            found.pop(key, None)
            if started is not None:
                found[key] = RunTime(started, ended)
        elif key in found and started is not None:
            found[key] = found[key]._replace(ended=ended)
    return found
