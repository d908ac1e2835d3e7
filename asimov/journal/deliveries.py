"""The outbox of notifications: the messages for each rule's receiver, and what became of them.

A row is written in the transaction that records how far the events have been looked at, so that
each is queued once, whatever dies. It is marked only when its delivery is known to have succeeded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.system import clock

#: The property of the journal with the number of the last event that was looked at.
_LOOKED_AT = "notified"
#: For how many seconds what was delivered or given up is kept.
_KEPT = 30 * 86400.0
#: No message waits for longer than so many seconds: the clock was ahead when that was recorded.
_LONGEST = 7200.0


class Change(NamedTuple):
    """A change of state, as an event of the journal has it."""

    number: int
    time: float
    subject: str
    name: str
    actor: str
    before: str | None
    after: str
    reason: str | None


class Delivery(NamedTuple):
    """A message that a rule's receiver is to get.

    Attributes
    ----------
    queued
        When it was queued, in seconds since the epoch.
    tries
        How often it was tried in vain.
    data
        The message.
    """

    number: int
    rule: str
    queued: float
    tries: int
    data: dict[str, Any]


class Standing(msgspec.Struct, frozen=True):
    """What became of the messages of a rule; times are in seconds since the epoch.

    Attributes
    ----------
    queued, delivered, given_up
        How many there are; the last two of the last 30 days.
    tries
        How often the message that was tried most was tried in vain, among those queued.
    since
        When the oldest queued one that was tried in vain was queued; None if there is none.
    last_delivered, last_given_up, last_failed
        When that last happened, or None.
    failure
        What went wrong last with a message that is not delivered by now.
    """

    queued: int = 0
    delivered: int = 0
    given_up: int = 0
    tries: int = 0
    since: float | None = None
    last_delivered: float | None = None
    last_given_up: float | None = None
    last_failed: float | None = None
    failure: str | None = None


class Deliveries:
    """The outbox of a project.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    # --- events

    def looked_at(self) -> int | None:
        """Return the number of the last event that was looked at; None if nobody wants to know."""
        rows = self._journal.rows("SELECT value FROM properties WHERE key = ?", (_LOOKED_AT,))
        return int(rows[0][0]) if rows else None

    def last_event(self) -> int:
        """Return the number of the journal's last event."""
        return int(self._journal.rows("SELECT coalesce(max(id), 0) FROM events")[0][0])

    def have_looked_at(self, number: int | None) -> None:
        """Record how far the events have been looked at; None if nobody wants to know."""
        with self._journal.transaction():
            self._journal.write("DELETE FROM properties WHERE key = ?", (_LOOKED_AT,))
            if number is not None:
                row = (_LOOKED_AT, str(number))
                self._journal.write("INSERT INTO properties VALUES (?, ?)", row)

    def changes(self, since: int) -> list[Change]:
        """Return the changes of state after an event, oldest first."""
        rows = self._journal.rows(
            "SELECT id, time, subject, name, actor, before, after, reason FROM events "
            "WHERE id > ? AND kind = 'state' AND after IS NOT NULL ORDER BY id",
            (since,),
        )
        return [Change(*row) for row in rows]

    # --- the queue

    def add(self, messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Queue messages: the rule, and what to tell."""
        now = clock.now()
        rows = [(rule, now, msgspec.msgpack.encode(data), now) for rule, data in messages]
        if not rows:
            return
        with self._journal.transaction():
            self._journal.write_many(
                "INSERT INTO deliveries (rule, queued, data, state, tries, due) "
                "VALUES (?, ?, ?, 'queued', 0, ?)",
                rows,
            )
            self._journal.write(
                "DELETE FROM deliveries WHERE state != 'queued' AND last < ?", (now - _KEPT,)
            )

    def next_due(self) -> float | None:
        """Return when the next message is due, in seconds since the epoch; None if none is left."""
        now = clock.now()
        rows = self._journal.rows(
            "SELECT min(iif(due > ?, ?, due)) FROM deliveries WHERE state = 'queued'",
            (now + _LONGEST, now),
        )
        return None if rows[0][0] is None else float(rows[0][0])

    def due(self) -> list[str]:
        """Return the rules with messages that are due."""
        rows = self._journal.rows(
            "SELECT DISTINCT rule FROM deliveries WHERE state = 'queued' "
            "AND due NOT BETWEEN ? AND ? ORDER BY rule",
            _later(),
        )
        return [rule for (rule,) in rows]

    def batch(self, rule: str, most: int) -> list[Delivery]:
        """Return the oldest messages of a rule that are due."""
        rows = self._journal.rows(
            "SELECT id, rule, queued, tries, data FROM deliveries WHERE state = 'queued' "
            "AND rule = ? AND due NOT BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (rule, *_later(), most),
        )
        return [
            Delivery(number, rule, queued, tries, unpacked(self._journal, data))
            for number, rule, queued, tries, data in rows
        ]

    def delivered(self, messages: Sequence[Delivery]) -> None:
        """Record that messages were delivered."""
        now = clock.now()
        self._journal.write_many(
            "UPDATE deliveries SET state = 'delivered', last = ? WHERE id = ?",
            ((now, each.number) for each in messages),
        )

    def failed(
        self, messages: Sequence[Delivery], failure: str, due: float, *, all_wait: bool
    ) -> None:
        """Record that messages were tried in vain.

        Parameters
        ----------
        messages
            Messages of one rule.
        failure
            What went wrong.
        due
            When to try again, in seconds since the epoch.
        all_wait
            Whether nothing else of the rule is tried before.
        """
        now = clock.now()
        with self._journal.transaction():
            self._journal.write_many(
                "UPDATE deliveries SET tries = tries + 1, last = ?, failure = ?, due = ? "
                "WHERE id = ?",
                ((now, failure, due, each.number) for each in messages),
            )
            if all_wait:
                self._journal.write(
                    "UPDATE deliveries SET due = max(due, ?) WHERE state = 'queued' AND rule = ?",
                    (due, messages[0].rule),
                )

    def give_up(self, messages: Sequence[Delivery], failure: str) -> None:
        """Record that messages will not be delivered."""
        now = clock.now()
        self._journal.write_many(
            "UPDATE deliveries SET state = 'given up', last = ?, failure = ? WHERE id = ?",
            ((now, failure, each.number) for each in messages),
        )

    def drop(self, messages: Sequence[Delivery]) -> None:
        """Forget messages that are not wanted any more."""
        self._journal.write_many(
            "DELETE FROM deliveries WHERE id = ?", ((each.number,) for each in messages)
        )

    def clear(self) -> None:
        """Forget all messages: they are another project's."""
        self._journal.write("DELETE FROM deliveries")
        self.have_looked_at(None)

    def standings(self) -> dict[str, Standing]:
        """Return what became of the messages of each rule that has any."""
        rows = self._journal.rows(
            "SELECT rule, sum(state = 'queued'), sum(state = 'delivered'), "
            "sum(state = 'given up'), max(iif(state = 'queued', tries, 0)), "
            "min(iif(state = 'queued' AND tries > 0, queued, NULL)), "
            "max(iif(state = 'delivered', last, NULL)), max(iif(state = 'given up', last, NULL)) "
            "FROM deliveries GROUP BY rule ORDER BY rule"
        )
        # SQLite takes the other columns from the row that has the largest value.
        failures = {
            rule: (last, failure)
            for rule, last, failure in self._journal.rows(
                "SELECT rule, max(last), failure FROM deliveries WHERE failure IS NOT NULL "
                "AND state != 'delivered' GROUP BY rule"
            )
        }
        return {rule: Standing(*row, *failures.get(rule, ())) for rule, *row in rows}


def _later() -> tuple[float, float]:
    """Return the times between which a message is due that is to be delivered later."""
    now = clock.now()
    return math.nextafter(now, math.inf), now + _LONGEST
