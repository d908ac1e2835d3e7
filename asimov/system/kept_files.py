"""Store data in files with random names, when it is too large for the database with the names.

Who keeps the names decides what is there: what nobody knows any more is swept away.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from asimov.system.disk import sync_path
from asimov.system.files import write_atomically

#: The age in seconds from which a file without an owner is not one that is just being kept.
_AGE = 3600.0


class KeptFiles:
    """Files in a folder.

    Parameters
    ----------
    folder
        The folder; it is made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, data: bytes) -> str:
        """Keep bytes; return their name once they are on disk."""
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            for each in (self._folder.parent, self._folder.parent.parent):
                sync_path(each)
        name = uuid.uuid4().hex
        write_atomically(self._folder / name, data)
        return name

    def read(self, name: str) -> bytes:
        """Return what is kept under a name.

        Raises
        ------
        OSError
            If it can't be read.
        """
        return (self._folder / name).read_bytes()

    def remove(self, name: str) -> None:
        """Remove what is kept under a name, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> None:
        """Remove what is not known, except what has just come."""
        if not self._folder.is_dir():
            return
        for each in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process renames or removes it
                if each.name not in known and each.stat().st_mtime < time.time() - _AGE:
                    each.unlink()
