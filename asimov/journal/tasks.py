"""Tasks that other programs started: each is an analysis, with its subscribers, steps and files."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.journal.keys import Key
from asimov.system import clock

#: What a task may end as.
SUCCESS, FAILURE = "SUCCESS", "FAILURE"
#: The states of an analysis in which nothing is tried again by itself.
FAILED = frozenset({"stuck", "stopped", "cancelled"})


class Task(NamedTuple):
    """A task.

    Attributes
    ----------
    plugin
        The name of its pipeline.
    subject, name
        Its analysis; empty while it is not in the ledger.
    steps
        How many of its steps subscribers know of.
    ended
        `SUCCESS` or `FAILURE`; None before.
    report
        What it says at its end: ``log``, ``progress`` and ``links``; None before.
    since
        Since when its analysis was in its state then, in seconds since the epoch: an analysis that
        is run again has another one.
    """

    number: int
    plugin: str
    subject: str
    name: str
    steps: int
    ended: str | None
    report: dict[str, Any] | None
    since: float = 0.0

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.name)


class Watched(NamedTuple):
    """A task that may change, and its analysis: its state, why, and since when; None for any."""

    task: Task
    status: str
    reason: str | None
    since: float | None


class TaskFile(NamedTuple):
    """A file that a task made; `stored` is its name in the results store."""

    number: int
    file: str
    data_type: str
    content_type: str
    stored: str
    tag: str


class CopiedStep(NamedTuple):
    """A step of another task that this one shows among its own."""

    number: int
    time: float
    step: str
    href: str
    page: str
    cleared: bool


class Tasks:
    """The tasks of a project.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    # --- tasks

    def add(self, plugin: str) -> int:
        """Record that a task is to be; return its number."""
        with self._journal.transaction():
            self._journal.write(
                "INSERT INTO tasks (plugin, subject, name, made) VALUES (?, '', '', ?)",
                (plugin, clock.now()),
            )
            return int(self._journal.rows("SELECT last_insert_rowid()")[0][0])

    def begin(self, number: int, key: Key, address: str) -> None:
        """Record the analysis of a task, and its address."""
        self._journal.write(
            "UPDATE tasks SET subject = ?, name = ?, address = ? WHERE id = ?",
            (*key, address, number),
        )

    def get(self, number: int) -> Task | None:
        """Return a task; None if there is none."""
        found = self._found("id = ? AND subject != ''", (number,))
        return found[0] if found else None

    def address(self, number: int) -> str:
        """Return the address of a task, as of the request that started it."""
        rows = self._journal.rows("SELECT address FROM tasks WHERE id = ?", (number,))
        return str(rows[0][0]) if rows else ""

    def of(self, key: Key) -> Task | None:
        """Return the task that is an analysis; None if nobody started it as one."""
        found = self._found("subject = ? AND name = ?", key)
        return found[0] if found else None

    def watched(self) -> list[Watched]:
        """Return those that have not ended, or have and go on: a person has restarted them."""
        rows = self._journal.rows(
            "SELECT t.id, t.plugin, t.subject, t.name, t.steps, t.ended, NULL, t.since, "
            "a.status, a.reason, a.since "
            "FROM tasks t JOIN analyses a ON a.subject = t.subject AND a.name = t.name "
            "WHERE t.ended IS NULL OR (t.ended = 'FAILURE' AND a.status NOT IN (?, ?, ?)) "
            "OR (t.ended = 'SUCCESS' AND (a.status != 'uploaded' OR a.since != t.since)) "
            "ORDER BY t.id",
            sorted(FAILED),
        )
        return [Watched(Task(*row[:8]), *row[8:]) for row in rows]

    def see_steps(self, number: int, steps: int) -> None:
        """Record how many steps of a task subscribers know of."""
        self._journal.write("UPDATE tasks SET steps = ? WHERE id = ?", (steps, number))

    def end(self, number: int, ended: str, since: float, report: Mapping[str, Any] | None) -> None:
        """Record how a task ended, since when its analysis is in that state, and what it says."""
        packed = None if report is None else msgspec.msgpack.encode(report)
        with self._journal.transaction():
            self._journal.write(
                "UPDATE tasks SET ended = ?, since = ?, report = ? WHERE id = ?",
                (ended, since, packed, number),
            )
            if ended == SUCCESS:
                self._journal.write("UPDATE task_steps SET cleared = 1 WHERE task = ?", (number,))

    def go_on(self, number: int) -> None:
        """Record that a task has not ended after all; its files stay for who knows their tags."""
        self._journal.write(
            "UPDATE tasks SET ended = NULL, report = NULL, since = 0 WHERE id = ?", (number,)
        )

    def _found(self, where: str, values: Iterable[Any]) -> list[Task]:
        rows = self._journal.rows(
            "SELECT id, plugin, subject, name, steps, ended, report, since FROM tasks "
            f"WHERE {where} ORDER BY id",
            tuple(values),
        )
        return [
            Task(*row)._replace(report=None if row[6] is None else unpacked(self._journal, row[6]))
            for row in rows
        ]

    # --- subscribers

    def subscribe(self, number: int, webhook: str, event: str | None, source: str) -> None:
        """Record that a webhook wants to know of an event, or of all; once each.

        Parameters
        ----------
        number
            The task.
        webhook
            The address to call.
        event
            The event; None for all.
        source
            The address of the task, as the webhook is to get it.
        """
        with self._journal.durably():
            self._journal.write(
                "INSERT OR IGNORE INTO task_subscriptions VALUES (?, ?, ?, ?)",
                (number, webhook, event or "", source),
            )

    def unsubscribe(self, number: int, webhook: str, event: str | None) -> None:
        """Forget the subscription to an event, or the one to all."""
        with self._journal.durably():
            self._journal.write(
                "DELETE FROM task_subscriptions WHERE task = ? AND webhook = ? AND event = ?",
                (number, webhook, event or ""),
            )

    def subscribers(self, number: int, event: str) -> list[tuple[str, str]]:
        """Return who is to know of an event: webhook and the task's address, each webhook once."""
        rows = self._journal.rows(
            "SELECT webhook, min(source) FROM task_subscriptions "
            "WHERE task = ? AND event IN ('', ?) GROUP BY webhook ORDER BY webhook",
            (number, event),
        )
        return [(webhook, source) for webhook, source in rows]

    # --- files

    def set_files(self, number: int, files: Iterable[Mapping[str, str]]) -> None:
        """Record the files of a task, in their order, each with a tag of 32 random bytes.

        A file that was recorded before keeps its number and its tag.

        Parameters
        ----------
        number
            The task.
        files
            ``file``, ``data_type``, ``content_type`` and ``stored`` of each.
        """
        with self._journal.transaction():
            before = {(each.stored, each.data_type): each.number for each in self.files(number)}
            for place, each in enumerate(files):
                known = before.pop((each["stored"], each["data_type"]), None)
                if known is None:
                    self._journal.write(
                        "INSERT INTO task_files "
                        "(task, place, file, data_type, content_type, stored, tag) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (
                            number,
                            place,
                            each["file"],
                            each["data_type"],
                            each["content_type"],
                            each["stored"],
                            secrets.token_urlsafe(32),
                        ),
                    )
                else:
                    self._journal.write(
                        "UPDATE task_files SET place = ?, content_type = ? WHERE id = ?",
                        (place, each["content_type"], known),
                    )
            self._journal.write_many(
                "DELETE FROM task_files WHERE id = ?", [(each,) for each in before.values()]
            )

    def files(self, number: int) -> list[TaskFile]:
        """Return the files of a task, in the order in which they were recorded."""
        return self._files("task = ?", number)

    def file(self, number: int) -> tuple[Task, TaskFile] | None:
        """Return a file by its own number, with its task."""
        rows = self._journal.rows("SELECT task FROM task_files WHERE id = ?", (number,))
        task = self.get(rows[0][0]) if rows else None
        return (task, self._files("id = ?", number)[0]) if task else None

    def _files(self, where: str, value: int) -> list[TaskFile]:
        rows = self._journal.rows(
            "SELECT id, file, data_type, content_type, stored, tag FROM task_files "
            f"WHERE {where} ORDER BY place, id",
            (value,),
        )
        return [TaskFile(*row) for row in rows]

    # --- steps of other tasks

    def copy_step(self, number: int, step: str, href: str, page: str) -> bool:
        """Show a step of another task among a task's own; return whether it is new."""
        with self._journal.transaction():
            there = self._journal.rows(
                "SELECT 1 FROM task_steps WHERE task = ? AND href = ?", (number, href)
            )
            if there:
                return False
            self._journal.write("UPDATE task_steps SET cleared = 1 WHERE task = ?", (number,))
            self._journal.write(
                "INSERT INTO task_steps (task, time, step, href, page, cleared) "
                "VALUES (?, ?, ?, ?, ?, 0)",
                (number, clock.now(), step, href, page),
            )
        return True

    def clear_step(self, number: int, href: str) -> bool:
        """Record that a copied step is cleared; return whether it was not."""
        return bool(
            self._journal.write(
                "UPDATE task_steps SET cleared = 1 WHERE task = ? AND href = ? AND NOT cleared",
                (number, href),
            )
        )

    def copied_steps(self, number: int) -> list[CopiedStep]:
        """Return the steps of other tasks that a task shows."""
        rows = self._journal.rows(
            "SELECT id, time, step, href, page, cleared FROM task_steps WHERE task = ? ORDER BY id",
            (number,),
        )
        return [CopiedStep(*row)._replace(cleared=bool(row[5])) for row in rows]


def is_awaited(journal: Database, key: Key) -> bool:
    """Return whether a program has asked for an analysis by one of the protocols."""
    rows = journal.rows(
        "SELECT 1 FROM tasks WHERE (subject, name) = (?, ?) "
        "UNION SELECT 1 FROM function_calls WHERE (subject, name) = (?, ?)",
        (*key, *key),
    )
    return bool(rows)
