"""Find a stored file to send; one that is not as it was stored is refused."""

from __future__ import annotations

import os
from pathlib import Path

from asimov.journal.keys import Key
from asimov.journal.results import Damages
from asimov.project.storage.copying import kept_checksum
from asimov.project.storage.listing import StoredFile
from asimov.project.storage.verification import faults_of, stamp
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError


def stored_file(workspace: Workspace, key: Key, name: str) -> StoredFile | None:
    """Return a stored file of an analysis; None if there is none of this name.

    A file is read where its time says that it was written after it was stored; damage that
    'asimov store verify' found counts too.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    name
        The file's name in the manifest.

    Raises
    ------
    FaultError
        If the file is not as it was stored.
    """
    store = workspace.store
    entry = store.manifest(*key).get(name)
    path = store.root.joinpath(*key, name)
    if entry is None or not path.is_file() or not _is_inside(path, store.root):
        return None
    found = [
        each.detail
        for each in faults_of(store.root, key, {name: entry}, [name], _sha256, quick=True)
    ]
    known = Damages(workspace.journal).all().get(key, ())
    found += [each.detail for each in known if each.name == name and each.stamp == stamp(path)]
    if found:
        raise FaultError(
            409,
            f"{name} of {key} has changed since it was stored: {found[0]}",
            hint=f"restore it from a backup, or make it again with 'asimov rerun {key}'",
        )
    return StoredFile(key, name, path, entry)


def check_stored(workspace: Workspace, path: Path) -> None:
    """Refuse a file of the results store that is not as it was stored; see `stored_file`."""
    root = workspace.store.root
    if path.is_relative_to(root) and len(parts := path.relative_to(root).parts) > 2:
        stored_file(workspace, Key(parts[0], parts[1]), "/".join(parts[2:]))


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _sha256(path: str) -> str | None:
    try:
        return kept_checksum(path, os.stat(path))  # noqa: PTH116  (of thousands)
    except OSError:
        return None
