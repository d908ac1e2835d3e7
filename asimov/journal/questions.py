"""Questions that analyses put to people before they go on (settings to choose), and the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.journal.keys import Key
from asimov.system import clock

_COLUMNS = "id, subject, name, question, asked, said, declared, answered, person, answers"


class Asked(NamedTuple):
    """A question of an analysis; times are in seconds since the epoch.

    Attributes
    ----------
    question
        Its name.
    said
        What is asked.
    declared
        What an answer is made of: ``rows`` for people, ``schema`` for programs.
    answered, person, answers
        When it was answered, by whom, and with which values; None before.
    """

    number: int
    subject: str
    name: str
    question: str
    asked: float
    said: str
    declared: dict[str, Any]
    answered: float | None
    person: str | None
    answers: dict[str, Any] | None

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.name)


class Questions:
    """The questions of a project.

    Parameters
    ----------
    journal
        Where they are kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def record(self, key: Key, question: str, said: str, declared: Mapping[str, Any]) -> None:
        """Record a question as the open one of an analysis."""
        with self._journal.transaction():
            self.close(key)
            self._journal.write(
                "INSERT INTO questions (subject, name, question, asked, said, declared) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*key, question, clock.now(), said, msgspec.msgpack.encode(declared)),
            )

    def open(self) -> dict[Key, Asked]:
        """Return the question of each analysis that is neither answered nor withdrawn."""
        found = self._found("answered IS NULL AND closed IS NULL", ())
        return {each.key: each for each in found}

    def of(self, key: Key) -> list[Asked]:
        """Return every question of an analysis, answered ones and former ones too, oldest first."""
        return list(self._found("subject = ? AND name = ?", key))

    def answer(self, number: int, person: str, answers: Mapping[str, Any]) -> bool:
        """Record the answers to a question; return False if it is not open any more."""
        return bool(
            self._journal.write(
                "UPDATE questions SET answered = ?, person = ?, answers = ? "
                "WHERE id = ? AND answered IS NULL AND closed IS NULL",
                (clock.now(), person, msgspec.msgpack.encode(answers), number),
            )
        )

    def close(self, key: Key) -> None:
        """Withdraw the open question of an analysis."""
        self._journal.write(
            "UPDATE questions SET closed = ? WHERE subject = ? AND name = ? "
            "AND answered IS NULL AND closed IS NULL",
            (clock.now(), *key),
        )

    def _found(self, where: str, values: tuple[Any, ...]) -> Iterator[Asked]:
        query = f"SELECT {_COLUMNS} FROM questions WHERE {where} ORDER BY id"
        for row in self._journal.rows(query, values):
            found = Asked(*row)
            declared = unpacked(self._journal, row[6])
            answers = None if row[9] is None else unpacked(self._journal, row[9])
            yield found._replace(declared=declared, answers=answers)
