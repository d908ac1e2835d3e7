"""Which files have changed since an analysis ran with them: inputs, programs, its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from asimov import text
from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.record import Provenance, UsedFile
from asimov.engine.staleness.reasons import Reason
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.validity import Kind
from asimov.project.storage.assets import is_gone
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
        self._now: dict[str, str | None] = {}

    def changed(self, found: Provenance) -> Iterator[Reason]:
        """Yield each file whose content differs from that with which an analysis ran.

        A file that is gone says nothing: jobs may read what is removed afterwards. Nor do products
        of an analysis that has not finished yet.
        """
        for used in found.files:
            if used.sha256 is None or "://" in used.path:
                continue
            now = self._product(used) if used.of else self._sum(used.path)
            if now is not None and now != used.sha256:
                yield Reason(kind_of(used), _said(used))

    def _sum(self, path: str) -> str | None:
        if path not in self._now:
            self._now[path] = self._checksums.of(str(self._workspace.project.path(path)))[0]
        return self._now[path]

    def _product(self, used: UsedFile) -> str | None:
        """Return the SHA-256 of another analysis's product: in its run directory, or stored."""
        key = Key.of(used.of)
        if key not in self._workspace.contents.entries:
            return self._sum(used.path)
        if not STATES[self._workspace.status(key)].done:
            return None
        own = self._workspace.settings(key).get("rundir")
        project = self._workspace.project
        rundir = project.path(str(own)) if own else project.working / key.subject / key.name
        if is_gone(str(rundir)):  # what a cleaned one still has may be a part of the product
            return self._stored(key, used.path, str(rundir))
        return self._sum(used.path) or self._stored(key, used.path, str(rundir))

    def _stored(self, key: Key, path: str, rundir: str) -> str | None:
        project = self._workspace.project
        name = os.path.relpath(project.path(path), rundir)
        with suppress(AsimovError, OSError):
            entry = self._workspace.store.manifest(*key).get(name)
            return str(entry["sha256"]) if entry and "sha256" in entry else None
        return None


def kind_of(used: UsedFile) -> Kind:
    """Return what a change of a file means."""
    if used.role == "input":
        is_script = not used.of and PurePath(used.path).suffix.lower() in _SCRIPTS
        return "code" if is_script else "inputs"
    return _KINDS.get(used.role, "inputs")


def _said(used: UsedFile) -> str:
    if used.role == "configuration":
        return "its configuration was changed by hand"
    name = text.line(used.path)
    if used.of:
        return f"{text.line(Path(used.path).name)} of {used.of} has another content"
    words = {"input": ""}.get(used.role, f"the {used.role} ")
    return f"{words}{name} has changed"
