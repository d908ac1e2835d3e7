"""How often something was tried about each process on hold, kept in the journal."""

from __future__ import annotations

from collections.abc import Collection

from asimov.journal.database import Database
from asimov.system import clock


class Remedies:
    """What was tried for the processes of one attempt.

    A try is counted, on disk, before it is made: a crash in between costs one of the tries, and
    what never helps comes to an end.

    Parameters
    ----------
    journal
        Where it is kept.
    uid
        The attempt.
    """

    def __init__(self, journal: Database, uid: str) -> None:
        self._journal = journal
        self._uid = uid
        rows = journal.rows(
            "SELECT process, class, times, last FROM remedies WHERE uid = ?", (uid,)
        )
        self._known: dict[tuple[str, str], tuple[int, float]] = {
            (process, kind): (times, last) for process, kind, times, last in rows
        }

    def times(self, process: str, kind: str) -> int:
        """Return how often something was tried about a class of holds of a process."""
        return self._known.get((process, kind), (0, 0.0))[0]

    def last(self, process: str) -> float:
        """Return when something was last tried for a process, in seconds since the epoch, or 0."""
        found = (last for (name, _), (_, last) in self._known.items() if name == process)
        return max(found, default=0.0)

    def first_request(self, process: str, kind: str, mb: float) -> float:
        """Return what a process asked for when it was first held, in MB; `mb` if it is now."""
        return float(self._known.get((process, _first(kind)), (round(mb), 0.0))[0])

    def count(self, tried: Collection[tuple[str, str, float | None]]) -> None:
        """Count one try for each of some processes, durably.

        Parameters
        ----------
        tried
            The process, the class of its hold, and what it asks for now, in MB, if that is known.
        """
        now = clock.now()
        with self._journal.durably():
            for process, kind, mb in tried:
                self._put(process, kind, self.times(process, kind) + 1, now)
                if mb is not None and (process, _first(kind)) not in self._known:
                    self._put(process, _first(kind), round(mb), 0.0)

    def take_back(self, tried: Collection[tuple[str, str, float | None]]) -> None:
        """Count one try less, where the scheduler could not be asked to make it."""
        now = clock.now()
        with self._journal.durably():
            for process, kind, _ in tried:
                self._put(process, kind, max(0, self.times(process, kind) - 1), now)

    def _put(self, process: str, kind: str, times: int, last: float) -> None:
        self._journal.write(
            "INSERT OR REPLACE INTO remedies VALUES (?, ?, ?, ?, ?)",
            (self._uid, process, kind, times, last),
        )
        self._known[process, kind] = (times, last)


def _first(kind: str) -> str:
    # A row of its own: its number is the request in MB.
    return f"{kind}, first request"
