"""File names that the store reserves for itself in the folder of an analysis."""

from __future__ import annotations

from pathlib import Path

from asimov.project.storage.superseded import is_superseded

MANIFEST = "manifest.json"
#: How the reason of an analysis begins whose products the monitor has stored.
STORED = "its results are stored"
#: The file that is being copied; a manifest that is being written has a similar name.
PARTIAL = f".{MANIFEST}.partial"
#: A new manifest, until all that it lists is on disk.
COMING = f".{MANIFEST}.coming"
#: A second name of a file that is being stored.
SPARE = f".{MANIFEST}.link"
#: The manifest of results that are being moved aside, until all of them are.
MOVING = f".{MANIFEST}.moving"


def is_reserved(name: str) -> bool:
    """Say whether a name is reserved for the store itself."""
    first = Path(name).parts[0]
    return is_temporary(first) or first == MANIFEST or is_superseded(first)


def is_temporary(name: str) -> bool:
    """Say whether a name is of something that a crash has left unfinished."""
    return name.startswith(f".{MANIFEST}.")


def names_in(folder: Path) -> list[str]:
    """Return the names of everything in a folder; none if it does not exist."""
    try:
        return [each.name for each in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
