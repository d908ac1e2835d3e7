"""Rename the files of a phase that failed, so that nobody takes them for results."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: What their names end in, with a number if there are several.
ENDING = ".failed"


def put_aside(paths: Iterable[Path]) -> list[Path]:
    """Rename files and folders: ``run_0007.h5`` becomes ``run_0007.h5.failed``.

    What an earlier failure left is kept.

    Returns
    -------
    list of Path
        The new paths of those that were there.
    """
    found = []
    for path in paths:
        with suppress(OSError):
            if path.is_symlink() or path.exists():
                free = path.with_name(path.name + ENDING)
                number = 1
                while free.is_symlink() or free.exists():
                    number += 1
                    free = path.with_name(f"{path.name}{ENDING}-{number}")
                found.append(path.rename(free))
    return found
