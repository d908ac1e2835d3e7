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
import stat
from collections.abc import Iterator

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
    digest = hashlib.sha256()
    for number, each in enumerate(_entries(folder, "")):
        if number == MOST_FILES:
            return "", f"it has more than {MOST_FILES} files"
        digest.update(os.fsencode(each))
    return f"{TREE}{digest.hexdigest()}", ""


def _entries(folder: str, inside: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError as error:  # of another user, with only its name
        yield f"{inside}\0{error.errno}\n"
        return
    for each in found:
        name = f"{inside}/{each.name}"
        try:
            if each.is_symlink():
                yield f"{name}\0{os.readlink(each.path)}\n"
            elif not each.is_dir(follow_symlinks=False):
                status = each.stat(follow_symlinks=False)
                mode = stat.S_IMODE(status.st_mode)
                yield f"{name}\0{mode:o} {status.st_size} {status.st_mtime_ns}\n"
            elif inside or each.name not in _MOUNTED:
                yield f"{name}/\n"
                yield from _entries(each.path, name)
        except OSError as error:
            yield f"{name}\0{error.errno}\n"
