"""The products of an analysis by name, found in the results store once its run directory is gone.

The record beside stored results (`asimov.project.layout.PROVENANCE_FILE`) lists the assets that the
pipeline named at the end, with paths relative to the run directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.project.layout import CLEANED_FILE, PROVENANCE_FILE
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
        """Return the stored products that take the place of what is not in the run directory.

        Their names in the store are returned, those of folders for all that is in them.
        """
        gone = is_gone(self._rundir)
        recorded = self._record()
        if recorded is None:
            return {each for each in self._manifest if each != PROVENANCE_FILE} if gone else set()
        found: set[str] = set()

        def take(name: Any) -> None:
            if gone or not os.path.lexists(os.path.join(self._rundir, name)):
                inside = os.path.relpath(self._place(name), self.folder)
                if inside == ".":
                    found.update(each for each in self._manifest if each != PROVENANCE_FILE)
                elif not inside.startswith(".."):
                    found.add(inside)

        for value in recorded.values():
            _mapped(value, take)
        return found

    def instead(self, assets: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return assets with what is stored in place of what does not exist any more."""

        def path(given: Any) -> Any:
            if os.path.lexists(given) or os.path.lexists(os.path.join(self._rundir, given)):
                return given
            place = self._place(_name(given, self._rundir, os.path.realpath(self._rundir)))
            return place if os.path.lexists(place) else given

        found = {key: _mapped(value, path) for key, value in assets.items()}
        for name, value in (self.assets() or {}).items():
            if not found.get(name):
                found[name] = value
        return found

    def _place(self, name: str) -> str:
        """Return where a product is: in the store, or else where it was."""
        if name == ".":
            return str(self.folder)
        if name in self._manifest:
            return str(self.folder / name)
        if name.startswith(".."):  # it is not of the run directory, and stored under its own name
            found = [each for each, entry in self._manifest.items() if entry.get("from") == name]
            if found and not os.path.lexists(os.path.join(self._rundir, name)):
                return str(self.folder / found[0])
        else:  # a package may store its products under names of its own
            last = name.rpartition("/")[2]
            found = [each for each in self._manifest if each.rpartition("/")[2] == last]
            if len(found) == 1:
                return str(self.folder / found[0])
        return os.path.normpath(os.path.join(self._rundir, name))


@lru_cache(maxsize=4096)
def _recorded(path: str, changed: int, size: int) -> dict[str, Any] | None:
    """Return the assets in a record; the answer is kept until the file changes."""
    try:
        found = json.loads(reading.contents(path)).get(KEY)
    except (OSError, AsimovError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _mapped(value: Any, path: Callable[[Any], Any]) -> Any:
    """Return a structure of paths with something done to each."""
    if isinstance(value, Mapping):
        return {key: _mapped(each, path) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_mapped(each, path) for each in value]
    return path(value) if isinstance(value, (str, Path)) and str(value) else value
