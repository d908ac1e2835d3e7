"""What each attempt ran with, kept in the journal; parts that attempts share are kept once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database, unpacked


class Checksum(NamedTuple):
    """The SHA-256 of a file, and the file's stamp when it was computed."""

    stamp: str
    sha256: str


class ProvenanceRecords:
    """What all attempts ran with.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal
        self._new: dict[str, bytes] = {}
        self._kept: set[str] = set()

    def part(self, value: Any) -> str:
        """Take a part that attempts may share; return its digest.

        It is written with the next record.
        """
        data = msgspec.msgpack.encode(value, enc_hook=str)
        digest = _digest(data)
        if digest not in self._kept:
            self._new[digest] = data
        return digest

    def parts(self, digests: Iterable[str]) -> dict[str, Any]:
        """Return parts by their digests; those that the journal has lost are missing."""
        wanted = sorted(set(digests))
        found: dict[str, Any] = {
            digest: msgspec.msgpack.decode(self._new[digest])
            for digest in wanted
            if digest in self._new
        }
        marks = ", ".join("?" * len(wanted))
        rows = self._journal.rows(
            f"SELECT digest, data FROM parts WHERE digest IN ({marks})", tuple(wanted)
        )
        return found | {digest: unpacked(self._journal, data) for digest, data in rows}

    def keep(self, records: Mapping[str, Any]) -> None:
        """Record what attempts run with, by their identities, and the parts taken since."""
        with self._journal.transaction():
            self._journal.write_many(
                "INSERT OR IGNORE INTO parts (digest, data) VALUES (?, ?)", self._new.items()
            )
            self._journal.write_many(
                "INSERT OR REPLACE INTO provenance (uid, data) VALUES (?, ?)",
                ((uid, msgspec.msgpack.encode(record)) for uid, record in records.items()),
            )
        self._kept.update(self._new)
        self._new = {}

    def of(self, uid: str) -> Any:
        """Return what an attempt ran with, as plain data; None if it was not recorded."""
        rows = self._journal.rows("SELECT data FROM provenance WHERE uid = ?", (uid,))
        return unpacked(self._journal, rows[0][0]) if rows else None

    # --- checksums

    def checksums(self, paths: Iterable[str]) -> dict[str, Checksum]:
        """Return the checksums known of some files; whether they still hold, their stamps say."""
        known = {}
        for path in paths:
            for stamp, sha256 in self._journal.rows(
                "SELECT stamp, sha256 FROM checksums WHERE path = ?", (path,)
            ):
                known[path] = Checksum(stamp, sha256)
        return known

    def keep_checksums(self, known: Mapping[str, Checksum]) -> None:
        """Keep checksums by path."""
        self._journal.write_many(
            "INSERT OR REPLACE INTO checksums (path, stamp, sha256) VALUES (?, ?, ?)",
            ((path, *checksum) for path, checksum in known.items()),
        )


def digest_of(value: Any) -> str:
    """Return the digest of plain data."""
    return _digest(msgspec.msgpack.encode(value, enc_hook=str))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
