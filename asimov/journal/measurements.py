"""Measurements of jobs' progress, the first and the last of each attempt, and the time left."""

from __future__ import annotations

from typing import NamedTuple

from asimov.journal.database import Database


class Measurements(NamedTuple):
    """The first and the last measurement of an attempt.

    Attributes
    ----------
    first, first_time
        The first fraction, from 0 to 1, and when it was seen, in seconds since the epoch.
    fraction, time
        The last.
    step
        What the job did then.
    """

    first: float
    first_time: float
    fraction: float
    time: float
    step: str

    def remaining(self, now: float) -> float | None:
        """Return the seconds that are left at the pace so far; None if it is not known yet."""
        made, took = self.fraction - self.first, self.time - self.first_time
        if made <= 0 or took <= 0:
            return None
        return max(0.0, (1 - self.fraction) * took / made - (now - self.time))


def record(journal: Database, uid: str, fraction: float, step: str, now: float) -> None:
    """Record a measurement of an attempt, unless it says the same as the last.

    A job that falls back behind its first measurement has begun again, and so does its pace.
    """
    known = of_attempts(journal, uid).get(uid)
    if known is not None and (known.fraction, known.step) == (fraction, step):
        return
    journal.write(
        "INSERT INTO measurements VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
        "first_time = iif(excluded.fraction < first, excluded.time, first_time), "
        "first = min(excluded.fraction, first), "
        "time = iif(excluded.fraction = fraction, time, excluded.time), "
        "fraction = excluded.fraction, step = excluded.step",
        (uid, fraction, now, fraction, now, step),
    )


def of_attempts(journal: Database, uid: str | None = None) -> dict[str, Measurements]:
    """Return the measurements of every open attempt, or of one attempt."""
    which = "uid = ?" if uid else "uid IN (SELECT uid FROM attempts WHERE state = 'submitted')"
    rows = journal.rows(
        f"SELECT uid, first, first_time, fraction, time, step FROM measurements WHERE {which}",
        (uid,) if uid else (),
    )
    return {uid: Measurements(*values) for uid, *values in rows}
