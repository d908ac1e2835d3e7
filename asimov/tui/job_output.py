"""The end of the files that an analysis's job writes, as a terminal would show it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from asimov import text
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace

#: The most that is read of a file, in bytes.
_MOST = 200_000
#: Where jobs write, in a run directory.
_PATTERNS = ("*.out", "*.err", "*/*.out", "*/*.err")


def files_of(workspace: Workspace, key: Key) -> list[Path]:
    """Return the files that the job of an analysis writes: those with text first, then by name.

    The output comes before the errors.
    """
    folder = Path(workspace.analysis(key).rundir or "")
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return sorted(found, key=lambda path: (not _size(path), path.suffix == ".err", path))


def tail_of(workspace: Workspace, key: Key, number: int) -> list[str]:
    """Return the end of one of those files, after a line that names it.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    number
        Which file, counted from 0; beyond the last, the first follows again.
    """
    files = files_of(workspace, key)
    if not files:
        return ["Its job has not written any output yet"]
    number %= len(files)
    path = files[number]
    head = f"{workspace.project.stored(path)} ({number + 1} of {len(files)}):"
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _MOST))
            data = file.read(_MOST)
    except OSError as error:
        return [head, f"can't be read: {error.strerror}"]
    lines = text.of_bytes(data).split("\n")
    if size > _MOST:
        lines[0] = f"[{size - _MOST} bytes before]"
    if not lines[-1]:
        del lines[-1]
    # A progress bar is rewritten after a carriage return; its last form counts.
    return [head, *(line.rstrip("\r").rpartition("\r")[2] for line in lines)]


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
