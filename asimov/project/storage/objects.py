"""The contents of the store, each once: ``.objects/ab/cdef...-444``, named by SHA-256 and mode.

Stored files are hard links to them. An object that nothing else links to belongs to no result any
more. Where a file system or another user's file refuses a link, a stored file is a copy of its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asimov.errors import AsimovError
from asimov.project.storage.copying import checksum, permissions

#: The folder of all objects, in the store's own.
FOLDER = ".objects"


class Objects:
    """The objects of a store.

    Parameters
    ----------
    root
        The store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._ready: set[Path] = set()

    def share(self, path: Path, sha256: str, spare: Path) -> None:
        """Make a file a link to the object of its content, or the first link to a new one.

        Whenever this is cut short, the file has its content.

        Parameters
        ----------
        path
            The file, complete.
        sha256
            Of its content, in hexadecimal digits.
        spare
            A name beside it that is free to use.
        """
        place = self._place(sha256, path.lstat())
        with suppress(OSError):  # the file stays what it is, a copy
            self._prepare(place.parent)
            if self._is_good(place, path, sha256):
                _link(place, path, spare)
            elif not _link_new(path, place):
                _link(path, place, spare)

    def unused(self) -> Iterator[tuple[Path, int]]:
        """Yield each object that no stored file links to, with its size in bytes."""
        for folder in _folders_in(self.folder):
            with os.scandir(folder) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                        yield Path(entry.path), status.st_size

    def _place(self, sha256: str, status: os.stat_result) -> Path:
        # Links share a mode as well.
        return self.folder / sha256[:2] / f"{sha256[2:]}-{permissions(status):03o}"

    def _prepare(self, folder: Path) -> None:
        """Make a folder of objects, with its rights, unless this was done before."""
        if folder not in self._ready or not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self._settle_rights(folder)
            self._ready.add(folder)

    def _settle_rights(self, folder: Path) -> None:
        """Let the next user write, in a store that a group shares."""
        for each in (self.folder, folder):
            mode = each.stat().st_mode
            above = each.parent.stat().st_mode
            wanted = stat.S_IMODE(mode) | (above & stat.S_IWGRP if above & stat.S_ISGID else 0)
            if wanted != stat.S_IMODE(mode):
                each.chmod(wanted)

    def _is_good(self, place: Path, path: Path, sha256: str) -> bool:
        """Return whether an object exists and still has its content and mode."""
        with suppress(FileNotFoundError, AsimovError):
            status, wanted = place.lstat(), path.lstat()
            alike = (status.st_size, status.st_mode) == (wanted.st_size, wanted.st_mode)
            return alike and checksum(place, status) == sha256
        return False


def link(source: str, target: Path) -> bool:
    """Make a path a link to a stored file; return whether the file system allows it."""
    with suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False
    return True


def _link_new(source: Path, target: Path) -> bool:
    """Make a link to a file; return whether nothing was there before."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def _link(source: Path, target: Path, spare: Path) -> None:
    """Make a path a link to a file, in one step; what it was before loses this name."""
    with suppress(FileNotFoundError):
        spare.unlink()
    os.link(source, spare, follow_symlinks=False)
    spare.replace(target)


def _folders_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [each.path for each in entries if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
