"""Names of entry points, read without the standard library's heavy module for it.

``asimov --help`` names the commands of packages. `importlib.metadata` takes longer to import than
all of the help, and nothing else in it is needed for that.
"""

from __future__ import annotations

import os
import sys

#: The group of the commands that packages add.
COMMANDS = "asimov.commands"


def names(group: str) -> dict[str, str]:
    """Return the names of a group's entry points in order, with the package of each.

    Parameters
    ----------
    group
        The group. Format: https://packaging.python.org/specifications/entry-points/
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208  (pathlib is not needed for help)
        except OSError:
            continue
        for entry in sorted(entries):
            if entry.endswith((".dist-info", ".egg-info")):
                for name in _of(os.path.join(folder, entry, "entry_points.txt"), group):  # noqa: PTH118
                    found.setdefault(name, entry.partition("-")[0])
    return dict(sorted(found.items()))


def _of(path: str, group: str) -> list[str]:
    """Return the names in a group of one file, which need not be there."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    here, found = False, []
    for line in map(str.strip, lines):
        if line.startswith("["):
            here = line == f"[{group}]"
        elif here and "=" in line and not line.startswith(("#", ";")):
            found.append(line.partition("=")[0].strip())
    return found
