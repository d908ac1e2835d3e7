"""Counts, in the journal, of the attempts to get held processes of a job running again."""

from __future__ import annotations

from collections.abc import Collection

from asimov.journal.database import Database
from asimov.system import clock


class Remedies:
    """What was tried for the held processes of one attempt.

    A try is counted durably before it is made: a crash in between costs one try, and the number
    of tries stays bounded.

    Parameters
    ----------
    journal
        Where the counts are kept.
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
        """Return how often a class of holds of a process was treated."""
        return self._known.get((process, kind), (0, 0.0))[0]

    def last(self, process: str) -> float:
        """Return when a process was last treated, in seconds since the epoch, or 0."""
        found = (last for (name, _), (_, last) in self._known.items() if name == process)
        return max(found, default=0.0)

    def first_request(self, process: str, kind: str, mb: float) -> float:
        """Return the request of a process at its first hold, in MB; `mb` if this is the first."""
        return float(self._known.get((process, _first(kind)), (round(mb), 0.0))[0])

    def count(self, tried: Collection[tuple[str, str, float | None]]) -> None:
        """Count one try for each of the processes, durably.

        Parameters
        ----------
        tried
            For each: the process, the class of its hold, and its present request in MB, if known.
        """
        now = clock.now()
        with self._journal.durably():
            for process, kind, mb in tried:
                self._put(process, kind, self.times(process, kind) + 1, now)
                if mb is not None and (process, _first(kind)) not in self._known:
                    self._put(process, _first(kind), round(mb), 0.0)

    def take_back(self, tried: Collection[tuple[str, str, float | None]]) -> None:
        """Undo `count` for tries that the scheduler could not be asked for."""
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
