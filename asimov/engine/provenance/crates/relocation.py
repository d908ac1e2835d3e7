"""Where the files of a crate belong in a project elsewhere, and paths in settings and commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from asimov.engine.provenance.crates.contents import Contents, Packed, check_path, why_not
from asimov.errors import AsimovError
from asimov.text import quoted

#: What can follow a path within a longer text.
_END = r"(?=$|[/\s'\",:;)\]}])"
#: Roles of files that a project makes itself, or that are there to be compared.
_NOT_NEEDED = {"configuration", "product", "log", "image"}


def place_in_project(packed: Packed, working: str) -> str | None:
    """Return where a file of a crate belongs, relative to the project; None if it does not.

    Parameters
    ----------
    packed
        The file.
    working
        The folder of run directories, relative to the project.

    Raises
    ------
    AsimovError
        If it would be somewhere that a crate may not write.
    """
    if not packed.place or packed.role in _NOT_NEEDED:
        return None
    if packed.of:
        check_path(packed.of)
        if packed.of.count("/") != 1:
            raise AsimovError(f"{quoted(packed.of)} is not the name of an analysis")
        return f"{working}/{packed.of}/{packed.path}"
    if packed.role == "record":
        return None
    if packed.path.startswith("/"):
        return packed.place
    if why := why_not(packed.path):
        raise AsimovError(f"{quoted(packed.path)} can't be put into a project: {why}")
    return packed.path


def moves(contents: Contents, root: str) -> dict[str, str]:
    """Return what becomes of absolute paths: those of the project, and of files from outside it.

    Parameters
    ----------
    contents
        What the crate contains.
    root
        The project's folder here, absolute.
    """
    found = {
        each.path: f"{root}/{each.place}"
        for each in contents.files
        if each.place and not each.of and each.path.startswith("/")
    }
    found.setdefault(contents.root, root)
    return {old: new for old, new in found.items() if old.strip("/")}


def moved(value: Any, paths: Mapping[str, str]) -> Any:
    """Return plain data in which every path of a mapping is replaced, also within longer texts."""
    if not paths:
        return value
    longest_first = sorted(paths, key=len, reverse=True)
    pattern = re.compile("(?:" + "|".join(map(re.escape, longest_first)) + ")" + _END)
    return _moved(value, pattern, paths)


def _moved(value: Any, pattern: re.Pattern[str], paths: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(lambda found: paths[found[0]], value)
    if isinstance(value, Mapping):
        return {key: _moved(each, pattern, paths) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_moved(each, pattern, paths) for each in value]
    return value
