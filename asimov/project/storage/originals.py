"""Whether what is in a run directory still is what was stored: by size and time, if need be read.

Without reading, a file that was written again with the same content counts as another one. Where
the stored file takes its place, that is harmless: it has that content.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.project.layout import PROVENANCE_FILE
from asimov.project.storage.copying import kept_checksum
from asimov.project.storage.names import names_in
from asimov.project.storage.verification import is_older

_LINK, _FOLDER = "link", "directory"


class Originals:
    """The files, folders and links that the stored products of an analysis were copied from.

    Parameters
    ----------
    manifest
        The manifest of its results.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest
        self._contents: dict[str, set[str]] = {"": set()}
        for name in manifest:
            folder, _, last = name.rpartition("/")
            self._contents.setdefault(folder, set()).add(last)

    def has_changed(self, path: str, name: str, *, read: bool = False) -> bool:
        """Return whether something isn't what was stored, or a folder has other contents.

        Parameters
        ----------
        path
            The file, folder or link.
        name
            Its name in the store; that of the whole run directory is empty.
        read
            Whether to read what was written again: its content may be the same.
        """
        left = [(path, name)]
        while left:
            path, name = left.pop()
            entry = self._manifest.get(name) if name else {_FOLDER: True}
            try:
                if entry is None or not _is_same(path, entry, read=read):
                    return True
                if entry.get(_FOLDER):
                    left += self._inside(path, name)
            except OSError:  # a part is gone
                return True
        return False

    def _inside(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        there = set(names_in(Path(path)))
        if not name:
            there.discard(PROVENANCE_FILE)
        for each in there | self._contents.get(name, set()):
            if name or each != PROVENANCE_FILE:
                yield f"{path}/{each}", f"{name}/{each}".lstrip("/")


def _is_same(path: str, entry: Mapping[str, Any], *, read: bool) -> bool:
    status = os.lstat(path)
    is_link = stat.S_ISLNK(status.st_mode)
    if is_link != (_LINK in entry):
        # What a link led to may have been stored in its place.
        return is_link and read and _is_same(os.path.realpath(path), entry, read=True)
    if entry.get(_FOLDER):
        return stat.S_ISDIR(status.st_mode)
    if not is_link and not (stat.S_ISREG(status.st_mode) and entry.get("size") == status.st_size):
        return False
    if "modified" not in entry:
        is_same = is_older(status, entry)  # an earlier release stored it
    else:
        is_same = bool(entry["modified"] == status.st_mtime_ns)
    if is_same or not read:
        return is_same
    if is_link:
        return bool(str(Path(path).readlink()) == entry[_LINK])
    sha256 = kept_checksum(path, status)
    return sha256 is not None and bool(sha256 == entry["sha256"])
