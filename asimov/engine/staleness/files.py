"""Which files have changed since an analysis ran with them: inputs, programs, its configuration."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from asimov import text
from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.patterns import Change, Patterns
from asimov.engine.provenance.record import Provenance, UsedFile
from asimov.engine.provenance.used_files import is_within
from asimov.engine.staleness.reasons import Reason
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.validity import Kind
from asimov.project.storage.assets import is_gone
from asimov.project.storage.originals import Originals
from asimov.project.workspace import Workspace
from asimov.states import STATES

_KINDS: dict[str, Kind] = {
    "configuration": "settings",
    "template": "code",
    "image": "version",
    "executable": "code",
}
#: Files that an argument names and that are programs.
_SCRIPTS = {".py", ".sh", ".bash", ".pl", ".r", ".jl", ".m", ".lua", ".rb", ".js", ".ipynb"}
#: New files of a pattern that reasons name, and files that are gone.
_NAMED = 3


class Files:
    """The present state of files that analyses ran with.

    Parameters
    ----------
    workspace
        The open project.
    checksums
        Checksums of its files.
    """

    def __init__(self, workspace: Workspace, checksums: Checksums) -> None:
        self._workspace = workspace
        self._checksums = checksums
        self._patterns = Patterns(workspace)
        self._now: dict[str, str | None] = {}

    def changed(self, key: Key, found: Provenance) -> Iterator[Reason]:
        """Yield each file whose content differs from that with which an analysis ran.

        A file that is gone says nothing, unless a pattern has matched it: jobs may read what is
        removed afterwards. Nor do products of an analysis that has not finished yet.
        """
        for used in found.files:
            if used.sha256 is None or "://" in used.path:
                continue
            now = self._product(used) if used.of else self._sum(used.path)
            if now is not None and now != used.sha256:
                yield Reason(kind_of(used), _said(used))
        for change in self._patterns.changed(key, found):
            yield from (Reason("inputs", each) for each in _lines(change))

    def _sum(self, path: str) -> str | None:
        if path not in self._now:
            self._now[path] = self._checksums.of(str(self._workspace.project.path(path)))[0]
        return self._now[path]

    def _product(self, used: UsedFile) -> str | None:
        """Return the SHA-256 of a product of another analysis: as stored, else where it was."""
        key = Key.of(used.of)
        if key not in self._workspace.contents.entries:
            return self._sum(used.path)
        status = self._workspace.status(key)
        if not STATES[status].done:
            return None
        own = self._workspace.settings(key).get("rundir")
        project = self._workspace.project
        rundir = str(project.path(str(own)) if own else project.working.joinpath(*key))
        if status == "uploaded":
            stored = self._stored(key, used, rundir)
            if stored is not None or is_gone(rundir):  # what is left may be a part of the product
                return stored
        return self._sum(used.path)

    def _stored(self, key: Key, used: UsedFile, rundir: str) -> str | None:
        """Return the SHA-256 of what was stored of a path, without reading it."""
        path = str(self._workspace.project.path(used.path))
        folder = str(self._workspace.store.root.joinpath(*key))
        name = os.path.relpath(path, folder if is_within(path, folder) else rundir)
        try:
            manifest = self._workspace.store.manifest(*key)
        except AsimovError:
            return None
        entry = manifest.get(name) or {}
        if not entry.get("directory"):
            return entry.get("sha256")
        stored = sum_of_folder(manifest, name)
        if stored != used.sha256 and not Originals(manifest).has_changed(path, name, read=True):
            return self._sum(used.path)  # where it was, a link to a folder counts as nothing
        return stored


def sum_of_folder(manifest: Mapping[str, Any], folder: str) -> str:
    """Return the SHA-256 of a stored folder, as `asimov.engine.provenance.checksums` has it."""
    digest = hashlib.sha256()
    for name in sorted(manifest):
        if name.startswith(f"{folder}/") and (sha256 := _sum_in(manifest, name)):
            line = f"{sha256}  {os.path.relpath(name, folder)}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _sum_in(manifest: Mapping[str, Any], name: str) -> str | None:
    """Return the SHA-256 of a stored file, or of the one that a link leads to."""
    for _ in manifest:
        entry = manifest.get(name, {})
        if "link" not in entry:
            return str(entry["sha256"]) if "sha256" in entry else None
        name = os.path.normpath(f"{os.path.dirname(name)}/{entry['link']}".lstrip("/"))
    return None


def kind_of(used: UsedFile) -> Kind:
    """Return what a change of a file means."""
    if used.role == "input":
        is_script = not used.of and PurePath(used.path).suffix.lower() in _SCRIPTS
        return "code" if is_script else "inputs"
    return _KINDS.get(used.role, "inputs")


def _lines(change: Change) -> Iterator[str]:
    pattern = text.line(change.pattern)
    for path in change.new[:_NAMED]:
        yield f"{text.line(path)} matches {pattern} now"
    if (more := len(change.new) - _NAMED) > 0:
        yield f"{text.counted(more, 'more file matches', 'more files match')} {pattern} now"
    for path in change.gone[:_NAMED]:
        yield f"{text.line(path)}, which matched {pattern}, is gone"
    if (more := len(change.gone) - _NAMED) > 0:
        they = text.counted(more, "more file that matched", "more files that matched")
        yield f"{they} {pattern} {'is' if more == 1 else 'are'} gone"


def _said(used: UsedFile) -> str:
    if used.role == "configuration":
        return "its configuration was changed by hand"
    name = text.line(used.path)
    if used.of:
        return f"{text.line(Path(used.path).name)} of {used.of} has different content"
    words = {"input": ""}.get(used.role, f"the {used.role} ")
    return f"{words}{name} has changed"
