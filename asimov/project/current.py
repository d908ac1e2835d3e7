"""The projects that this process has open, and which of them it is working on."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from asimov.errors import AsimovError
from asimov.layout import find

if TYPE_CHECKING:
    from asimov.project.workspace import Workspace

#: The projects that this process has opened, the last one last.
_opened: list[weakref.ref[Workspace]] = []


def remember(workspace: Workspace) -> None:
    """Take a project that was just opened for the one that this process is about."""
    _opened[:] = [each for each in _opened if each() is not None]
    _opened.append(weakref.ref(workspace))


def workspace() -> Workspace | None:
    """Return the project that this process has open and that the current folder lies in.

    Where that lies in no project at all it is the one opened last: a plugin may work anywhere.
    None where this process has none open.
    """
    opened = [each for each in (each() for each in _opened) if each and not each.journal.closed]
    try:
        here = Path.cwd()
    except FileNotFoundError:
        here = None
    for each in reversed(opened):
        if here is not None and here.is_relative_to(each.project.root):
            return each
    try:
        find()
    except AsimovError:
        return opened[-1] if opened else None
    return None
