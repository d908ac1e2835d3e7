"""Move stored results aside, to ``superseded-<n>`` in their folder: nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from asimov.project.storage.names import MANIFEST, MOVING
from asimov.project.storage.superseded import last_number
from asimov.system.disk import sync_path
from asimov.system.files import unwritable


def move_results(folder: Path, names: Sequence[str]) -> None:
    """Move all results of an analysis, and their manifest, to ``superseded-<n>`` in its folder."""
    others = [name for name in names if name != MANIFEST]
    if MANIFEST in names:
        old = _place_for(folder, [*others, MOVING])
        old.mkdir(exist_ok=True)
        (folder / MANIFEST).rename(old / MOVING)
        sync_path(folder)
    else:
        old = _place_for(folder, others)
    if others:
        set_aside(folder, others)
    if (old / MOVING).exists():
        (old / MOVING).rename(old / MANIFEST)
        sync_path(old)


def _place_for(folder: Path, names: Iterable[str]) -> Path:
    """Return the ``superseded-<n>`` to move names to: the last one if its move was interrupted."""
    number = last_number(folder)
    old = folder / f"superseded-{number}"
    begun = number and not (old / MANIFEST).exists()
    if not begun or any(os.path.lexists(old / name) for name in names):
        old = folder / f"superseded-{number + 1}"
    return old


def set_aside(folder: Path, names: Sequence[str]) -> None:
    """Move some of an analysis's folder to ``superseded-<n>`` in it."""
    old = _place_for(folder, names)
    try:
        for name in names:
            (old / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(old / name)
        sync_path(old)
        sync_path(folder)
    except OSError as error:
        raise unwritable(error, old) from error
