"""Whether stored results hold: damage that a check found, and what the last verdicts go by.

Damage counts until the file is written or replaced.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from asimov.journal.database import Database
from asimov.journal.keys import Key
from asimov.system import clock


class Damage(NamedTuple):
    """A stored file that was not as its manifest says.

    Attributes
    ----------
    name
        Its path in the analysis's folder of the store.
    detail
        What differed, in words.
    stamp
        Its size, time of modification and inode when it was checked; see
        `asimov.project.storage.verification.stamp`.
    """

    name: str
    detail: str
    stamp: tuple[int, int, int]


class Damages:
    """The damage that is known.

    Parameters
    ----------
    journal
        Where it is kept.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    def all(self) -> dict[Key, list[Damage]]:
        """Return what was found of each analysis, at the last check of it."""
        rows = self._journal.rows("SELECT subject, name, data FROM damages")
        kind = list[tuple[bytes, str, tuple[int, int, int]]]
        return {
            Key(subject, name): [
                Damage(os.fsdecode(file), detail, stamp)
                for file, detail, stamp in msgspec.msgpack.decode(data, type=kind)
            ]
            for subject, name, data in rows
        }

    def replace(self, checked: Collection[Key], found: Mapping[Key, Iterable[Damage]]) -> None:
        """Record what a check has found, in place of what is known of these analyses.

        Verdicts on their results are dropped with it.
        """
        with self._journal.transaction():
            for table in ("damages", "fingerprints"):
                self._journal.write_many(
                    f"DELETE FROM {table} WHERE subject = ? AND name = ?", checked
                )
            self._journal.write_many(
                "INSERT INTO damages (subject, name, found, data) VALUES (?, ?, ?, ?)",
                (
                    # A file's name may have bytes that are no text.
                    (
                        *key,
                        clock.now(),
                        msgspec.msgpack.encode(
                            [(os.fsencode(one.name), one.detail, one.stamp) for one in each]
                        ),
                    )
                    for key, each in found.items()
                ),
            )


def fingerprints(journal: Database, keys: Collection[Key]) -> dict[tuple[str, str], bytes]:
    """Return the encoded fingerprints of some analyses, and of others if that is quicker."""
    query = "SELECT subject, name, data FROM fingerprints WHERE true"
    rows = journal.rows_of(query, "subject = ? AND name = ?", keys)
    return {(subject, name): data for subject, name, data in rows}


def keep_fingerprints(journal: Database, encoded: Mapping[Key, bytes]) -> None:
    """Keep encoded fingerprints in place of earlier ones."""
    journal.write_many(
        "INSERT OR REPLACE INTO fingerprints (subject, name, data) VALUES (?, ?, ?)",
        ((*key, data) for key, data in encoded.items()),
    )
