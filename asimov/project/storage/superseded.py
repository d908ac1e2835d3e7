"""Move an earlier run's folder, or files in it, aside to ``<folder>.superseded-<n>`` beside it.

asimov never deletes them. Moving is a rename, however large the folder is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from asimov.system.files import unwritable


def last_number(folder: Path, prefix: str = "") -> int:
    """Return the highest n of the ``<prefix>superseded-<n>`` in a folder; 0 if there is none."""
    pattern = re.compile(rf"{re.escape(prefix)}superseded-(\d+)")
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    return max([int(found[1]) for name in names if (found := pattern.fullmatch(name))], default=0)


def is_superseded(name: str) -> bool:
    """Say whether a name in a folder is ``superseded-<n>``."""
    return re.fullmatch(r"superseded-\d+", name) is not None


def next_place(path: Path) -> Path:
    """Return the next free ``<name>.superseded-<n>`` next to a file or folder."""
    number = last_number(path.parent, f"{path.name}.") + 1
    return path.with_name(f"{path.name}.superseded-{number}")


def move_aside(folder: Path, paths: Iterable[Path] | None = None) -> Path | None:
    """Move a folder aside, or some of the files in it.

    Parameters
    ----------
    folder
        The folder.
    paths
        What to move, by default the folder itself. Paths relative to the folder stay the same.

    Returns
    -------
    Path
        The new place; None if there was nothing to move.

    Raises
    ------
    AsimovError
        If something can't be moved.
    """
    place: Path | None = None
    for path in sorted([folder] if paths is None else paths):
        if not os.path.lexists(path):  # it may have been moved with its folder
            continue
        place = place or next_place(folder)
        target = place / path.relative_to(folder)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        except OSError as error:
            raise unwritable(error, path, "can't be moved aside") from error
    return place


def others(folder: Path, kept: set[Path], inside: Path = Path()) -> Iterable[Path]:
    """Yield what is in a folder and neither kept nor around something that is."""
    around = {parent for each in kept for parent in each.parents}
    with os.scandir(folder / inside) as entries:
        for entry in entries:
            path = inside / entry.name
            if path in kept:
                continue
            if path in around and entry.is_dir(follow_symlinks=False):
                yield from others(folder, kept, path)
            else:
                yield folder / path
