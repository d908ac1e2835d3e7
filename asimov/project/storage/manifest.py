"""The manifest of an analysis's folder in the store: what is stored there, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.project.storage.names import COMING, MANIFEST
from asimov.project.storage.superseded import is_superseded
from asimov.system import reading
from asimov.system.files import settle_rights

#: A manifest of a million files has about 200 million bytes.
_LARGEST = 2_000_000_000


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in a folder: an entry for each stored file, by name.

    Raises
    ------
    AsimovError
        If it can't be read, or is not a manifest.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(reading.contents(path, most=_LARGEST))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or not all(
        isinstance(each, dict) for each in manifest.values()
    ):
        hint = f"or run the analysis again: asimov rerun {'/'.join(folder.parts[-2:])}"
        if is_superseded(folder.name):
            hint = "or remove its folder"
        raise AsimovError(
            "is not a valid manifest", where=path, hint=f"restore it from a backup, {hint}"
        )
    return manifest


def prepare_manifest(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write a new manifest beside the present one; return its path, for it to be synced.

    Raises
    ------
    OSError
        If it can't be written.
    """
    path = folder / COMING
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    settle_rights(path, folder / MANIFEST)
    return path


def put_in_place(folder: Path) -> None:
    """Have the manifest that was prepared take the place of the present one.

    Raises
    ------
    OSError
        If that is impossible; the old one is unchanged then.
    """
    (folder / COMING).replace(folder / MANIFEST)
