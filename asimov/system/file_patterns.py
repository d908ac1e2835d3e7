"""Patterns of files such as ``data/*.txt``: what matches them, and where that can change.

``*``, ``?``, ``[abc]`` and ``**`` mean what they mean for Python's `glob`; so hidden files match
only a pattern with a dot. A relative pattern is one of a root folder.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path, PurePath

_WILD = re.compile(r"[*?\[]")


def matching(pattern: str, root: str | Path) -> list[str]:
    """Return the absolute paths of the files and folders that match, in alphabetical order."""
    return sorted(str(PurePath(root, each)) for each in _found(str(PurePath(pattern)), root))


def folders_of(pattern: str, root: str | Path) -> list[str]:
    """Return the absolute paths of the folders that have to change before other files match.

    That is every folder whose entries are compared with a part of the pattern. The first may be
    missing: then nothing matches before it is there.
    """
    parts = PurePath(pattern).parts
    first = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
    folders = {str(PurePath(root, *parts[:first])): None}
    for end in range(first + 1, len(parts)):
        above = f"{PurePath(*parts[:end])}/"  # the slash leaves only folders
        folders |= dict.fromkeys(str(PurePath(root, each)) for each in _found(above, root))
    return list(folders)


def _found(pattern: str, root: str | Path) -> list[str]:
    # Not joined with the root before: that may have characters of a pattern too.
    return glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
