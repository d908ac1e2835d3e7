"""Find stored results by their fingerprints, in the records beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.layout import PROVENANCE_FILE
from asimov.project.storage.store import Store
from asimov.system import reading


class _Record(msgspec.Struct):
    """What this module reads of a record."""

    uid: str
    analysis: str
    number: int
    fingerprint: str = ""
    end: dict[str, Any] = {}
    assets: dict[str, Any] = {}
    reused: dict[str, str] = {}


class Match(NamedTuple):
    """A stored result.

    Attributes
    ----------
    folder
        Where it is.
    owner
        The subject, and the analysis with its folder of superseded results if it is in one: as the
        store names them.
    made_by
        The attempt that made it, as ``subject/name@number``.
    uid
        The attempt's identity.
    end, assets
        How that attempt ended, and its products by name, as the record has them.
    """

    folder: Path
    owner: Key
    made_by: str
    uid: str
    end: dict[str, Any]
    assets: dict[str, Any]


class StoredResults:
    """The finished results of a store, by fingerprint; read on first use.

    Parameters
    ----------
    store
        The results store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, list[Match]] | None = None

    def matching(self, fingerprint: str) -> list[Match]:
        """Return the results with a fingerprint, present ones before superseded ones."""
        if self._found is None:
            self._found = {}
            for folder in self._store.folders():
                if match := _read(folder, self._store.root):
                    self._found.setdefault(match[0], []).append(match[1])
        return self._found.get(fingerprint, [])


def _read(folder: Path, root: Path) -> tuple[str, Match] | None:
    try:
        text = reading.contents(folder / PROVENANCE_FILE)
        found = msgspec.json.decode(text, type=_Record)
    except (OSError, AsimovError, msgspec.MsgspecError):
        return None
    if not found.fingerprint or not found.end:
        return None
    inside = folder.relative_to(root)
    owner = Key(inside.parts[0], "/".join(inside.parts[1:]))
    made_by = found.reused.get("from") or f"{found.analysis}@{found.number}"
    match = Match(folder, owner, made_by, found.uid, found.end, found.assets)
    return found.fingerprint, match
