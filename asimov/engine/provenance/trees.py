"""The digest of an unpacked image: cheap evidence that it is still the same.

It is ``tree:`` with the SHA-256 of a line for each file of the root folder: its path, mode, size
and time of modification, or its target if it is a link. No content is read, and no folder's time
counts. A root folder that CVMFS serves is named by the image's own digest (``.flat/ab/abcd...``).

Source: cvmfs.readthedocs.io, "Container images".
"""

from __future__ import annotations

import hashlib
import os
import re

TREE = "tree:"
#: Root folders of more files are too large to be looked at.
MOST_FILES = 300_000
_FLAT = re.compile(r".*/\.flat/[0-9a-f]{2}/([0-9a-f]{64})/?")
#: Folders of an image over which a runtime mounts something else.
_MOUNTED = frozenset({"dev", "proc", "run", "sys", "tmp"})


class Trees:
    """The present digests of unpacked images, each found out once."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def of(self, folder: str) -> str:
        """Return the digest of a root folder; empty if it has none."""
        if folder not in self._now:
            self._now[folder] = tree(folder)[0] if os.path.isdir(folder) else ""
        return self._now[folder]


def tree(folder: str) -> tuple[str, str]:
    """Return the digest of a root folder, or why there is none."""
    if flat := _FLAT.fullmatch(os.path.realpath(folder)):
        return f"sha256:{flat[1]}", ""
    digest, count, todo = hashlib.sha256(), 0, [""]
    while todo:
        inside = todo.pop()
        lines, folders = _listing(folder + inside)
        todo += [f"{inside}/{name}" for name in folders if inside or name not in _MOUNTED]
        count += len(lines)
        if count > MOST_FILES:
            return "", f"it has more than {MOST_FILES} files"
        digest.update(os.fsencode("\n".join([inside, *lines, ""])))
    return f"{TREE}{digest.hexdigest()}", ""


def _listing(folder: str) -> tuple[list[str], list[str]]:
    """Return a line for each file of a folder, and the names of the folders in it."""
    lines, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for each in sorted(entries, key=lambda entry: entry.name):
                if each.is_symlink():
                    lines.append(f"{each.name}\0{os.readlink(each.path)}")
                elif each.is_dir(follow_symlinks=False):
                    folders.append(each.name)
                else:
                    found = each.stat(follow_symlinks=False)
                    lines.append(
                        f"{each.name}\0{found.st_mode:o} {found.st_size} {found.st_mtime_ns}"
                    )
    except OSError as error:  # it is another user's, or is changing
        lines.append(f"\0{error.errno}")
    return lines, folders
