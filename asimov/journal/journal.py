"""The journal: the states, events, attempts and facts of all analyses, in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from asimov import states
from asimov.journal import leases
from asimov.journal.database import Database, damaged, unpacked
from asimov.journal.keys import Key
from asimov.journal.records import Attempt, Event, Record
from asimov.states import STATES
from asimov.system import clock

_RECORD = (
    "subject, name, status, since, reason, uid, job_id, job_state, job_detail, progress, job_since"
)
#: The property that lists the states added by packages.
STATES_OF_PACKAGES = "states of packages"
_ATTEMPT = (
    "uid, subject, name, number, stage, scheduler, state, job_id, intended, submitted, ended, "
    "exit_code, evidence, reason, logs, place, seed, started, finished"
)


class Journal(Database):
    """An open journal; see `Database` for how it is opened.

    Attributes
    ----------
    fence
        The token of the lease under which this process acts, or None. With a token, every write
        raises `LeaseLostError` once another process has taken the lease over.
    """

    fence: str | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written in the block, or nothing; blocks may nest."""
        outermost = not self._depth
        with super().transaction():
            # No other process can write until the transaction ends: one check is enough.
            if outermost:
                self.check_fence()
            yield

    def check_fence(self) -> None:
        """Make sure that this process may still act; call it before what can't be undone."""
        if self.fence is not None:
            leases.check(self, self.fence)

    # --- analyses

    def records(self, before: Mapping[Key, Record] | None = None) -> dict[Key, Record]:
        """Return the record of every analysis that the journal knows.

        Parameters
        ----------
        before
            Those that were read before: what has not changed since is taken from there.
        """
        rows = self.rows(f"SELECT {_RECORD} FROM analyses")
        if strange := {row[2] for row in rows} - STATES.keys():
            for name in strange & set(self.states_of_packages()):
                states.take_up(name)
        if strange := strange - STATES.keys():
            raise damaged(self, f"there is no state {strange.pop()!r}")
        if before and len(before) == len(rows):
            new = [row for row, old in zip(rows, before.values(), strict=True) if row != old]
            found = {**before, **{Key(row[0], row[1]): Record(*row) for row in new}}
            if len(found) == len(rows):
                return found
        return {Key(row[0], row[1]): Record(*row) for row in rows}

    def record(self, key: Key) -> Record | None:
        """Return the record of one analysis, or None."""
        rows = self.rows(f"SELECT {_RECORD} FROM analyses WHERE subject = ? AND name = ?", key)
        return Record(*rows[0]) if rows else None

    def add(self, new: Iterable[tuple[Key, str, str]], actor: str) -> None:
        """Add new analyses: their keys, first states, and reasons."""
        now = clock.now()
        with self.transaction():
            for key, status, reason in new:
                made = self._db.execute(
                    "INSERT OR IGNORE INTO analyses (subject, name, status, since, reason) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (*key, status, now, reason),
                )
                if made.rowcount:
                    self._note(key, actor, "state", None, status, reason, now)

    def set_status(self, key: Key, before: str, after: str, actor: str, reason: str | None) -> bool:
        """Move an analysis from one state to another.

        Returns
        -------
        bool
            False, and nothing changes, if it is no longer in the state `before`.
        """
        now = clock.now()
        with self.transaction():
            changed = self._db.execute(
                "UPDATE analyses SET status = ?, since = ?, reason = ? "
                "WHERE subject = ? AND name = ? AND status = ?",
                (after, now, reason, *key, before),
            ).rowcount
            if changed:
                self._note(key, actor, "state", before, after, reason, now)
        return bool(changed)

    def set_reason(self, key: Key, actor: str, reason: str) -> None:
        """Record a new reason for the state that an analysis stays in."""
        with self.transaction():
            self._db.execute(
                "UPDATE analyses SET reason = ? WHERE subject = ? AND name = ?", (reason, *key)
            )
            self._note(key, actor, "note", None, None, reason, clock.now())

    def observed(self, seen: Iterable[tuple[Key, str | None, str | None, str | None]]) -> None:
        """Record observations of jobs: key, job state, detail, progress."""
        now = clock.now()
        self.write_many(
            "UPDATE analyses SET job_since = iif(job_state IS ?, job_since, ?), job_state = ?, "
            "job_detail = ?, progress = ? WHERE subject = ? AND name = ?",
            ((state, now, state, detail, progress, *key) for key, state, detail, progress in seen),
        )

    # --- events

    def note(
        self,
        key: Key,
        actor: str,
        kind: str,
        reason: str,
        details: str | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Record an event of an analysis that does not change its state, by default one of now."""
        with self.transaction():
            now = clock.now() if at is None else at
            self._note(key, actor, kind, None, None, reason, now, details)

    def _note(
        self,
        key: Key,
        actor: str,
        kind: str,
        before: str | None,
        after: str | None,
        reason: str | None,
        now: float,
        details: str | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO events (time, subject, name, actor, kind, before, after, reason, details) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (now, *key, actor, kind, before, after, reason, details),
        )

    def events(
        self, subject: str | None = None, name: str | None = None, last: int | None = None
    ) -> list[Event]:
        """Return the events of the project, a subject or an analysis, oldest first."""
        where, values = [], []
        for column, value in (("subject", subject), ("name", name)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        rows = self.rows(
            "SELECT time, subject, name, actor, kind, before, after, reason, details FROM events "
            + (f"WHERE {' AND '.join(where)} " if where else "")
            + "ORDER BY id DESC LIMIT ?",
            (*values, -1 if last is None else last),
        )
        return [Event(*row) for row in rows][::-1]

    # --- attempts

    def intend(
        self,
        key: Key,
        uid: str,
        stage: str,
        scheduler: str,
        place: str = "",
        seed: int | None = None,
    ) -> Attempt:
        """Record durably that a job is about to be submitted, where, and with which seed."""
        now = clock.now()
        with self.durably():
            (number,) = self._db.execute(
                "SELECT coalesce(max(number), 0) + 1 FROM attempts WHERE subject = ? AND name = ?",
                key,
            ).fetchone()
            self._db.execute(
                "INSERT INTO attempts (uid, subject, name, number, stage, scheduler, place, seed, "
                "state, intended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?)",
                # As text: SQLite's integers are smaller than a seed may be.
                (uid, *key, number, stage, scheduler, place, None if seed is None else str(seed),
                 now),
            )  # fmt: skip
        return Attempt(
            uid, *key, number, stage, scheduler, "intended", None, now, place=place, seed=seed
        )

    def submitted(self, uid: str, job_id: int, logs: Iterable[str]) -> None:
        """Record durably that an intended job is in the scheduler."""
        with self.durably():
            self._db.execute(
                "UPDATE attempts SET state = 'submitted', job_id = ?, submitted = ?, logs = ? "
                "WHERE uid = ?",
                (job_id, clock.now(), "\n".join(logs), uid),
            )
            self._take_as_last(uid, job_id)

    def _take_as_last(self, uid: str, job_id: int | None) -> None:
        """Make an attempt, and its job if it has one, that of its analysis."""
        self._db.execute(
            "UPDATE analyses SET uid = ?, job_id = ?, job_state = NULL, job_detail = NULL, "
            "progress = NULL WHERE (subject, name) = "
            "(SELECT subject, name FROM attempts WHERE uid = ?)",
            (uid, job_id, uid),
        )

    def adopt(self, attempt: Attempt) -> None:
        """Record the attempt of a job that another program submitted to the scheduler."""
        names = _ATTEMPT.split(", ")
        with self.transaction():
            self._db.execute(
                f"INSERT INTO attempts ({_ATTEMPT}) VALUES ({', '.join('?' * len(names))})",
                [getattr(attempt, name) for name in names],
            )
            self._db.execute(
                "UPDATE analyses SET uid = ?, job_id = ? WHERE subject = ? AND name = ?",
                (attempt.uid, attempt.job_id, *attempt.key),
            )

    def ended(
        self,
        uid: str,
        state: str,
        *,
        exit_code: int | None = None,
        evidence: str,
        reason: str | None,
        started: float | None = None,
        finished: float | None = None,
    ) -> None:
        """Close an attempt: ``ended`` with evidence, or ``void`` if no job was ever created."""
        with self.transaction():
            self._db.execute(
                "UPDATE attempts SET state = ?, ended = ?, exit_code = ?, evidence = ?, "
                "reason = ?, started = coalesce(started, ?), finished = ? WHERE uid = ?",
                (state, clock.now(), exit_code, evidence, reason, started, finished, uid),
            )
            if state == "void":
                # An outage may add one in each pass for days: keep one of several in a row.
                self._db.execute(
                    "DELETE FROM attempts WHERE state = 'void' AND uid != ? AND reason IS ? "
                    "AND (subject, name, number) IN (SELECT subject, name, number - 1 "
                    "FROM attempts WHERE uid = ?)",
                    (uid, reason, uid),
                )
            # Its logs are not read any more.
            for (logs,) in self.rows("SELECT logs FROM attempts WHERE uid = ?", (uid,)):
                self.write_many(
                    "DELETE FROM logs WHERE path = ?",
                    ((path,) for path in (logs or "").splitlines()),
                )

    def open_attempts(self) -> list[Attempt]:
        """Return every attempt that is intended or submitted and has not ended."""
        rows = self.rows(
            f"SELECT {_ATTEMPT} FROM attempts WHERE state IN ('intended', 'submitted') "
            "ORDER BY intended"
        )
        return [_attempt(row) for row in rows]

    def reused(self, uid: str, reason: str) -> None:
        """Close an intended attempt that took over stored products instead of running a job."""
        with self.transaction():
            self._db.execute(
                "UPDATE attempts SET stage = 'reuse', state = 'ended', ended = ?, "
                "evidence = 'reuse', reason = ? WHERE uid = ?",
                (clock.now(), reason, uid),
            )
            self._take_as_last(uid, None)

    def attempts(self, key: Key) -> list[Attempt]:
        """Return every attempt of one analysis, oldest first."""
        rows = self.rows(
            f"SELECT {_ATTEMPT} FROM attempts WHERE subject = ? AND name = ? ORDER BY number", key
        )
        return [_attempt(row) for row in rows]

    def seeds(self, uids: Collection[str] | None = None) -> dict[str, int]:
        """Return the seed of each attempt that has one, by its identity; by default of all."""
        query = "SELECT uid, seed FROM attempts WHERE seed IS NOT NULL"
        rows = self.rows_of(query, "uid = ?", None if uids is None else [(each,) for each in uids])
        return {each: int(seed) for each, seed in rows}

    def begun(self) -> dict[Key, int]:
        """Return the number of each attempt that may or may not have made a job."""
        # The first condition is that of an index, which SQLite uses only if it stands there.
        rows = self.rows(
            "SELECT subject, name, number FROM attempts "
            "WHERE state IN ('intended', 'submitted') AND state = 'intended' ORDER BY intended"
        )
        return {Key(subject, name): number for subject, name, number in rows}

    # --- facts

    def facts(self) -> dict[Key, dict[str, Any]]:
        """Return what pipelines wrote, by analysis, and by subject under ``(subject, "")``."""
        rows = self.rows("SELECT subject, name, data FROM facts")
        return {Key(row[0], row[1]): unpacked(self, row[2]) for row in rows}

    def facts_of(self, key: Key) -> dict[str, Any]:
        """Return the facts of an analysis or a subject."""
        rows = self.rows("SELECT data FROM facts WHERE subject = ? AND name = ?", key)
        found: dict[str, Any] = unpacked(self, rows[0][0]) if rows else {}
        return found

    def set_facts(self, key: Key, data: Mapping[str, Any]) -> None:
        """Replace the facts of an analysis or a subject."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)",
                (*key, msgspec.msgpack.encode(data, enc_hook=_plain)),
            )

    # --- properties

    def states_of_packages(self) -> list[str]:
        """Return the states that packages added, including packages that are gone."""
        return list(msgspec.json.decode(self.get_property(STATES_OF_PACKAGES) or "[]"))

    def take_up_state(self, name: str) -> None:
        """Record durably a state that a package adds, before an analysis enters it."""
        known = self.states_of_packages()
        if name not in known:
            self.set_property(STATES_OF_PACKAGES, msgspec.json.encode([*known, name]).decode())
        states.take_up(name)

    def get_property(self, key: str) -> str | None:
        """Return a value of the program's own, or None."""
        rows = self.rows("SELECT value FROM properties WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def set_property(self, key: str, value: str | None) -> None:
        """Set a value of the program's own, or delete it (None)."""
        with self.durably():
            self._db.execute("DELETE FROM properties WHERE key = ?", (key,))
            if value is not None:
                self._db.execute("INSERT INTO properties VALUES (?, ?)", (key, value))


def _attempt(row: Any) -> Attempt:
    attempt = Attempt(*row)
    if attempt.seed is not None:
        attempt.seed = int(attempt.seed)
    return attempt


def _plain(value: Any) -> Any:
    """Convert what plugins write to plain data: NumPy numbers and arrays, paths, tuples."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
