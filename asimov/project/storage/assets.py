"""The products of an analysis by name: in its run directory, or in the results store.

What is stored is the truth. A stored product takes the place of one that is gone from the run
directory, or was changed there since.

The record beside stored results (`asimov.project.layout.PROVENANCE_FILE`) lists the assets that the
pipeline named at the end, with paths relative to the run directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.project.layout import CLEANED_FILE, PROVENANCE_FILE
from asimov.project.storage.originals import Originals
from asimov.project.storage.store import Store
from asimov.system import reading

#: The key of the assets in the record.
KEY = "assets"


def is_gone(rundir: str) -> bool:
    """Return whether a run directory is gone, or 'asimov clean' has freed its space."""
    return not os.path.isdir(rundir) or os.path.lexists(os.path.join(rundir, CLEANED_FILE))


def described(assets: Mapping[Any, Any], rundir: str) -> dict[str, Any]:
    """Return assets for the record: with paths relative to the run directory, which may move.

    None are returned if a path has bytes in it that are no text, which JSON can't hold.
    """
    name = partial(_name, rundir=rundir, real=os.path.realpath(rundir))
    found = {str(key): _mapped(value, name) for key, value in assets.items()}
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except (TypeError, ValueError):
        return {}
    return found


def _name(path: Any, rundir: str, real: str) -> str:
    """Return a path relative to the run directory, as the store names it.

    Parameters
    ----------
    path
        The path.
    rundir, real
        The run directory, and the same with links resolved.
    """
    head, tail = os.path.split(os.path.abspath(os.path.join(rundir, path)))
    if head == rundir:  # most are directly in it
        return tail
    return os.path.relpath(os.path.join(os.path.realpath(head), tail), real)


class Stored:
    """The stored products of one analysis.

    Parameters
    ----------
    store
        The results store.
    subject, analysis
        The analysis.
    rundir
        Its run directory, which need not exist.
    """

    def __init__(self, store: Store, subject: str, analysis: str, rundir: str) -> None:
        self.folder = store.root / subject / analysis
        self._rundir = rundir
        self._read = partial(store.manifest, subject, analysis)

    @cached_property
    def _manifest(self) -> Mapping[str, Any]:
        try:
            return self._read()
        except AsimovError:  # 'asimov store verify' reports it
            return {}

    def __bool__(self) -> bool:
        return bool(self._manifest)

    def assets(self) -> dict[str, Any] | None:
        """Return the assets by name, those that are stored with their paths in the store.

        None if the record does not list them, as in results of an earlier release.
        """
        found = self._record()
        if found is None or not self._manifest:
            return None
        return {name: _mapped(value, self._place) for name, value in found.items()}

    def _record(self) -> dict[str, Any] | None:
        path = os.path.join(self.folder, PROVENANCE_FILE)
        try:
            status = os.stat(path)
        except OSError:
            return None
        return _recorded(path, status.st_mtime_ns, status.st_size)

    def taken(self) -> set[str]:
        """Return the stored products that take the place of what the run directory lacks.

        Their names in the store are returned, those of folders for all that is in them.
        """
        recorded = self._record()
        if recorded is None:
            names = (each for each in self._manifest if each != PROVENANCE_FILE)
            if is_gone(self._rundir):
                return set(names)
            return {each for each in names if self._is_replaced(self._original_of(each))}
        found: set[str] = set()
        gone = is_gone(self._rundir)
        for name in set(_paths_in(recorded)):
            if gone or self._is_replaced(name):
                inside = os.path.relpath(self._place(name), self.folder)
                if inside == ".":
                    found.update(each for each in self._manifest if each != PROVENANCE_FILE)
                elif not inside.startswith(".."):
                    found.add(inside)
        return found

    def changed(self) -> dict[str, str]:
        """Return what has another content in the run directory than it had when it was stored.

        That is the path of each such file or folder there, with that in the store.
        """
        found = {}
        for name in sorted(self._manifest):
            original = os.path.normpath(os.path.join(self._rundir, self._original_of(name)))
            if name == PROVENANCE_FILE or not os.path.lexists(original):
                continue
            if self._originals.has_changed(original, name, read=True):
                found[original] = str(self.folder / name)
        return found

    def instead(self, assets: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return assets with what is stored in place of what was removed or changed since.

        An asset that led to other paths when the results were stored has those.
        """

        def path(given: Any) -> Any:
            name = _name(given, self._rundir, self._real)
            if os.path.lexists(given) or os.path.lexists(os.path.join(self._rundir, given)):
                return self._place(name) if self._has_changed(name) else given
            place = self._place(name)
            return place if os.path.lexists(place) else given

        recorded = (self._record() if self._manifest else None) or {}
        found = {}
        for key, value in assets.items():
            known = recorded.get(str(key))
            now = described({key: value}, self._rundir) if known and value else {}
            is_other = now and sorted(_paths_in(now)) != sorted(_paths_in(known))
            found[key] = _mapped(known, self._present) if is_other else _mapped(value, path)
        for name, value in recorded.items():
            if not found.get(name):
                found[name] = _mapped(value, self._place)
        return found

    def _present(self, name: str) -> str:
        """Return where a recorded product is: in the run directory, unless the store has it now."""
        if self._is_replaced(name):
            return self._place(name)
        return os.path.normpath(os.path.join(self._rundir, name))

    def _is_replaced(self, name: str) -> bool:
        there = os.path.lexists(os.path.join(self._rundir, name))
        return not there or self._has_changed(name)

    def _has_changed(self, name: str) -> bool:
        """Return whether what is in the run directory isn't what was stored of it."""
        stored = "" if name == "." else self._stored_names.get(name)
        if stored is None or not self._manifest:
            return False
        path = os.path.join(self._rundir, name)
        return os.path.lexists(path) and self._originals.has_changed(path, stored)

    @cached_property
    def _originals(self) -> Originals:
        return Originals(self._manifest)

    @cached_property
    def _stored_names(self) -> dict[str, str]:
        """The name in the store of each product, by its path relative to the run directory."""
        return {self._original_of(each): each for each in self._manifest}

    def _original_of(self, name: str) -> str:
        """Return the path, relative to the run directory, that a product was stored from."""
        entry = self._manifest[name]
        if "source" in entry:
            root = os.path.realpath(self.folder.parent.parent)
            return os.path.relpath(os.path.join(root, entry["source"]), self._real)
        return str(entry.get("from", name))

    @cached_property
    def _real(self) -> str:
        return os.path.realpath(self._rundir)

    def _place(self, name: str) -> str:
        """Return where a product is stored, or else where it was."""
        if name == ".":
            return str(self.folder)
        if stored := self._stored_names.get(name) or (name if name in self._manifest else None):
            return str(self.folder / stored)
        # A package may store its products under names of its own.
        last = name.rpartition("/")[2]
        found = [each for each in self._manifest if each.rpartition("/")[2] == last]
        if len(found) == 1 and not name.startswith(".."):
            return str(self.folder / found[0])
        return os.path.normpath(os.path.join(self._rundir, name))


def paths_recorded(folder: Path) -> frozenset[str] | None:
    """Return the paths of all assets that the record beside stored results lists; None without one.

    They are relative to the run directory.
    """
    path = folder / PROVENANCE_FILE
    try:
        status = path.stat()
    except OSError:
        return None
    found = _recorded(str(path), status.st_mtime_ns, status.st_size)
    return None if found is None else frozenset(_paths_in(found))


@lru_cache(maxsize=4096)
def _recorded(path: str, changed: int, size: int) -> dict[str, Any] | None:
    """Return the assets in a record; the answer is kept until the file changes."""
    try:
        found = json.loads(reading.contents(path)).get(KEY)
    except (OSError, AsimovError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _paths_in(value: Any) -> Iterator[str]:
    """Yield every path in a structure of paths as the record has it."""
    if isinstance(value, (Mapping, list)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _paths_in(each)
    elif isinstance(value, str) and value:
        yield value


def _mapped(value: Any, path: Callable[[Any], Any]) -> Any:
    """Return a structure of paths with something done to each."""
    if isinstance(value, Mapping):
        return {key: _mapped(each, path) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_mapped(each, path) for each in value]
    return path(value) if isinstance(value, (str, Path)) and str(value) else value
