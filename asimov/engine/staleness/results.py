"""Check cheaply whether the stored products of an analysis are still there and unchanged.

A product that is missing, or has another size, is seen without reading it. It is read where it was
written after it was stored. Anything else only ``asimov store verify`` finds: what it has found
counts until the file is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from asimov.engine.provenance.checksums import Checksums
from asimov.engine.staleness.reasons import RESULTS, Reason
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.results import Damage, Damages
from asimov.project.storage.names import MANIFEST, STORED
from asimov.project.storage.verification import Stamp, faults_of, stamp
from asimov.project.workspace import Workspace
from asimov.text import line

#: Files of one analysis that are looked at, besides those in which damage was found.
MOST = 100
#: Products that reasons name.
_NAMED = 3


class StoredProducts:
    """The stored products of a project's analyses.

    Parameters
    ----------
    workspace
        The open project.
    checksums
        Checksums of its files.
    """

    def __init__(self, workspace: Workspace, checksums: Checksums) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._checksums = checksums

    @cached_property
    def _damages(self) -> dict[Key, list[Damage]]:
        return Damages(self._workspace.journal).all()

    def damage(self, key: Key) -> Iterator[Reason]:
        """Yield what of the stored products of an analysis is not as it was stored."""
        record = self._workspace.records.get(key)
        if record is None or record.status != "uploaded":
            return
        found = list(self._faults(key, (record.reason or "").startswith(STORED)))
        for each in found[:_NAMED]:
            yield Reason(RESULTS, each)
        if len(found) > _NAMED:
            yield Reason(RESULTS, f"{len(found) - _NAMED} more of its stored products are damaged")

    def _faults(self, key: Key, was_stored: bool) -> Iterator[str]:
        try:
            entries = self._store.manifest(*key)
        except AsimovError as error:
            yield f"the manifest of its results {error.message}"
            return
        if not entries:
            if was_stored:
                yield "its results are recorded as stored, but nothing is stored"
            return
        some = dict(islice(entries.items(), MOST))
        faults = {
            each.name: each.detail
            for each in faults_of(
                self._store.root, key, some, some, lambda path: self._checksums.of(path)[0],
                quick=True,
            )
        }  # fmt: skip
        folder = self._store.root.joinpath(*key)
        for each in self._damages.get(key, ()):
            if stamp(folder / each.name) == each.stamp:
                faults.setdefault(each.name, each.detail)
        for name, detail in sorted(faults.items()):
            yield f"its stored product {line(name)} is damaged: {detail}"

    def evidence(self, key: Key) -> list[tuple[str, Stamp]]:
        """Return the stamps on which that verdict stands, by path as the project stores paths."""
        folder = self._store.root.joinpath(*key)
        names = [MANIFEST, *(each.name for each in self._damages.get(key, ()))]
        try:
            entries = self._store.manifest(*key)
        except AsimovError:
            entries = {}
        files = (name for name, entry in entries.items() if not entry.get("directory"))
        names += islice(files, MOST)
        stored = self._workspace.project.stored(folder)
        return [
            (f"{stored}/{name}", stamp(folder / name))
            for name in dict.fromkeys(names)
            if _is_text(name)
        ]


def _is_text(name: str) -> bool:
    """Return whether a name has no bytes that are no text; the journal can't hold others."""
    return name.isascii() or name == name.encode(errors="replace").decode()
