"""The ledger's files in the journal: their parsed form, and changes until all files are written."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from asimov.journal.database import Database, unpacked
from asimov.system import clock


class Documents:
    """What the journal keeps of the ledger's files.

    Parameters
    ----------
    journal
        The journal.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def cached(self, paths: Collection[str] | None = None) -> dict[str, tuple[str, bytes]]:
        """Return the stamp and the parsed form of files, by path; by default of all."""
        wanted = None if paths is None else [(each,) for each in paths]
        rows = self._journal.rows_of(
            "SELECT path, stamp, data FROM documents WHERE true", "path = ?", wanted
        )
        return {path: (stamp, data) for path, stamp, data in rows}

    def cache(self, parsed: Iterable[tuple[str, str, bytes]], gone: Iterable[str] = ()) -> None:
        """Cache parsed files (path, stamp, data), and drop files that are gone."""
        with self._journal.transaction():
            self._journal.write_many(
                "DELETE FROM documents WHERE path = ?", ((path,) for path in gone)
            )
            self._journal.write_many("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", parsed)

    def mark(self) -> object:
        """Return what differs after each change of the files by a command."""
        return (
            self._journal.rows("SELECT max(number) FROM revisions"),
            self._journal.rows("SELECT path, stamp FROM documents"),
        )

    def begin_change(self, files: Mapping[str, str | None]) -> None:
        """Record durably a change of files (new texts, None to delete) before the first is made."""
        with self._journal.durably():
            self._journal.write(
                "INSERT INTO changes (started, files) VALUES (?, ?)",
                (clock.now(), msgspec.msgpack.encode(files)),
            )

    def changes(self) -> list[dict[str, str | None]]:
        """Return the changes that were begun but not closed, oldest first."""
        rows = self._journal.rows("SELECT files FROM changes ORDER BY id")
        return [unpacked(self._journal, files) for (files,) in rows]

    def close_changes(self) -> None:
        """Record that every change is in the files."""
        self._journal.write("DELETE FROM changes")


def stamp(status: os.stat_result) -> str:
    """Return what changes whenever a file does, as far as its status shows it."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def encoded(data: Any) -> bytes | None:
    """Encode data for the cache; None if decoding would not return the same."""
    try:
        packed = msgspec.msgpack.encode(data)
    except (OverflowError, TypeError, ValueError):
        return None
    return zlib.crc32(packed).to_bytes(4, "big") + packed


def decoded(data: bytes) -> Any:
    """Decode data from the cache; None if it is damaged."""
    if zlib.crc32(data[4:]).to_bytes(4, "big") != data[:4]:
        return None
    return msgspec.msgpack.decode(data[4:])
