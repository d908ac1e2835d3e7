"""Read the events of some analyses, since some time, or after an event, for the log."""

from __future__ import annotations

import json
from collections.abc import Iterable

from asimov.journal.database import Database
from asimov.journal.keys import Key
from asimov.journal.records import Event

_EVENT = "time, subject, name, actor, kind, before, after, reason, details"


def events(
    journal: Database,
    keys: Iterable[Key] | None = None,
    *,
    since: float | None = None,
    after: int = 0,
    last: int | None = None,
) -> tuple[list[Event], int]:
    """Return events, the oldest first, and the number of the last event of the journal.

    Parameters
    ----------
    journal
        The journal.
    keys
        The analyses; None for everything, events of the whole project included.
    since
        The earliest time, in seconds since the epoch.
    after
        The number of an event; only later ones are returned.
    last
        The most events to return, counted from the end.
    """
    where = ["id > ?"]
    values: list[object] = [after]
    _narrow(where, values, keys, since)
    rows = journal.rows(
        f"SELECT id, {_EVENT} FROM events WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
        (*values, -1 if last is None else last),
    )
    newest = journal.rows("SELECT max(id) FROM events")[0][0] or 0
    return [Event(*row[1:]) for row in rows][::-1], max(newest, after)


def numbered_events(
    journal: Database,
    after: int | None,
    most: int,
    subject: str | None = None,
    name: str | None = None,
    *,
    keys: Iterable[Key] | None = None,
    since: float | None = None,
) -> tuple[list[tuple[int, Event]], int]:
    """Return events with their numbers, the oldest first, and the number of the newest of all.

    Parameters
    ----------
    journal
        The journal.
    after
        The number of the event that they follow; None for the newest events.
    most
        The most events to return.
    subject, name
        The only subject, and the only analysis.
    keys, since
        As of `events`.
    """
    where: list[str] = ["id > ?"]
    wanted: list[object] = [after or 0]
    _narrow(where, wanted, keys, since)
    for column, value in (("subject", subject), ("name", name)):
        if value is not None:
            where.append(f"{column} = ?")
            wanted.append(value)
    order = "DESC" if after is None else "ASC"
    rows = journal.rows(
        f"SELECT id, {_EVENT} FROM events WHERE {' AND '.join(where)} ORDER BY id {order} LIMIT ?",
        (*wanted, most),
    )
    if after is None:
        rows = rows[::-1]
    newest = journal.rows("SELECT max(id) FROM events")[0][0] or 0
    return [(row[0], Event(*row[1:])) for row in rows], newest


def _narrow(
    where: list[str], values: list[object], keys: Iterable[Key] | None, since: float | None
) -> None:
    if since is not None:
        where.append("time >= ?")
        values.append(since)
    if keys is not None:
        # As one JSON list, however many there are.
        where.append("(subject, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))")
        values.append(json.dumps([list(key) for key in keys]))


def keys_with_events(journal: Database) -> list[Key]:
    """Return every analysis that has events, also those that nothing else knows any more."""
    rows = journal.rows("SELECT DISTINCT subject, name FROM events WHERE name != ''")
    return [Key(*row) for row in rows]
