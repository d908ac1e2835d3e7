"""The history of the ledger: who changed which documents, when, by which command, and their texts.

A text is kept once, compressed, however many revisions have it. The entries stay for ever; texts
that only old revisions have are dropped once all of them take more than `MOST` bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, damaged, unpacked
from asimov.system import clock

#: The most bytes that compressed texts may take, but for those of the last `KEPT` revisions.
MOST = 50_000_000
KEPT = 10


class Revision(NamedTuple):
    """One change of the ledger by a command.

    Attributes
    ----------
    number
        Counted from 1.
    time
        In seconds since the epoch.
    author, command, reason
        Who made it, with which command, and why if that was said.
    what
        What it changed, as plain data; see `asimov.project.history`.
    """

    number: int
    time: float
    author: str
    command: str
    reason: str | None
    what: dict[str, Any]


class Texts(NamedTuple):
    """The digests of a document's text before and after a revision; None where it had none."""

    before: str | None
    after: str | None


class Revisions:
    """The history of a ledger.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def add(
        self,
        author: str,
        command: str,
        reason: str | None,
        what: Mapping[str, Any],
        before: Mapping[str, str | None],
        after: Mapping[str, str | None],
    ) -> None:
        """Record a change, with the texts of its documents by path; None where there is none."""
        texts = {
            digest(each): each for each in (*before.values(), *after.values()) if each is not None
        }
        with self._journal.transaction():
            size = sum(self._keep(key, text) for key, text in texts.items())
            self._journal.write(
                "INSERT INTO revisions (time, author, command, reason, what, size) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (clock.now(), author, command, reason, _packed(msgspec.msgpack.encode(what)), size),
            )
            ((number,),) = self._journal.rows("SELECT max(number) FROM revisions")
            self._journal.write_many(
                "INSERT INTO revised (number, path, before, after) VALUES (?, ?, ?, ?)",
                ((number, path, _digest(before[path]), _digest(after[path])) for path in after),
            )
            self._drop_old(number)

    def _keep(self, key: str, text: str) -> int:
        """Keep a text; return how many bytes that takes, 0 if it was kept already."""
        if self._journal.rows("SELECT 1 FROM texts WHERE digest = ?", (key,)):
            return 0
        data = _packed(text.encode("utf-8", "surrogateescape"))
        self._journal.write("INSERT INTO texts (digest, data) VALUES (?, ?)", (key, data))
        return len(data)

    def _drop_old(self, last: int) -> None:
        rows = self._journal.rows(
            "SELECT number, size FROM revisions WHERE size > 0 ORDER BY number DESC"
        )
        total = 0
        for number, size in rows:
            total += size
            if total > MOST and number <= last - KEPT:
                self._journal.write(
                    "DELETE FROM texts WHERE digest NOT IN (SELECT coalesce(before, '') FROM "
                    "revised WHERE number > ? UNION SELECT coalesce(after, '') FROM revised "
                    "WHERE number > ?)",
                    (number, number),
                )
                self._journal.write("UPDATE revisions SET size = 0 WHERE number <= ?", (number,))
                return

    def all(self) -> list[Revision]:
        """Return every revision, the oldest first."""
        rows = self._journal.rows(
            "SELECT number, time, author, command, reason, what FROM revisions ORDER BY number"
        )
        return [
            Revision(*row[:5], unpacked(self._journal, self._unpacked(row[5])))  # type: ignore[call-arg]
            for row in rows
        ]

    def documents(self, number: int) -> dict[str, Texts]:
        """Return the digests of the texts of a revision's documents, by path."""
        rows = self._journal.rows(
            "SELECT path, before, after FROM revised WHERE number = ?", (number,)
        )
        return {path: Texts(before, after) for path, before, after in rows}

    def last_of(self, path: str) -> tuple[int, str | None] | None:
        """Return the last revision of a document, and the digest of its text after it."""
        rows = self._journal.rows(
            "SELECT number, after FROM revised WHERE path = ? ORDER BY number DESC LIMIT 1", (path,)
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def last(self) -> dict[str, tuple[int, str | None]]:
        """Return each document's last revision and the digest of its text after it, by path."""
        rows = self._journal.rows("SELECT path, number, after FROM revised ORDER BY number")
        return {path: (number, after) for path, number, after in rows}

    def latest(self) -> dict[str, str | None]:
        """Return the digest of each document's text after its last revision, by path."""
        return {path: after for path, (_, after) in self.last().items()}

    def text(self, key: str) -> str | None:
        """Return a text by its digest; None if it is no longer kept."""
        rows = self._journal.rows("SELECT data FROM texts WHERE digest = ?", (key,))
        if not rows:
            return None
        return self._unpacked(rows[0][0]).decode("utf-8", "surrogateescape")

    def _unpacked(self, data: bytes) -> bytes:
        try:
            return zlib.decompress(unpacked(self._journal, data))
        except (TypeError, zlib.error) as error:
            raise damaged(self._journal, f"a text in it can't be read ({error})") from error


def digest(text: str) -> str:
    """Return the digest of a document's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _digest(text: str | None) -> str | None:
    return None if text is None else digest(text)


def _packed(data: bytes) -> bytes:
    return msgspec.msgpack.encode(zlib.compress(data, 1))
