"""The projects that this process has open, and which of them the current folder belongs to."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from asimov.errors import AsimovError
from asimov.project.layout import Project, find

if TYPE_CHECKING:
    from asimov.journal.journal import Journal


class CurrentProject(Protocol):
    """An open project; `asimov.project.workspace.Workspace` is one."""

    @property
    def project(self) -> Project:
        """The project's folders and configuration."""

    @property
    def journal(self) -> Journal:
        """Its journal, which is closed when the project is no longer in use."""

    @property
    def rehearsing(self) -> bool:
        """Whether this is a dry run of a command that acts."""


#: The projects that this process has opened, the most recent one last.
_opened: list[weakref.ref[CurrentProject]] = []


def remember(opened: CurrentProject) -> None:
    """Record that a project was opened; `workspace` finds it until its journal is closed."""
    _opened[:] = [each for each in _opened if each() is not None]
    _opened.append(weakref.ref(opened))


def workspace() -> CurrentProject | None:
    """Return the open project that contains the current folder.

    Returns
    -------
    CurrentProject or None
        The project opened last, if the current folder is in no project at all: a plugin may work
        anywhere. None if the current folder is in a project that is not open, or nothing is open.
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


def is_only_read(root: Path) -> bool:
    """Return whether this process has the project in a folder open, and only to read it."""
    opened = _open_at(root)
    return bool(opened) and all(each.journal.reading for each in opened)


def imports_modules(root: Path) -> bool:
    """Return whether modules of the project in a folder may be imported, in processes of their own.

    That runs code of the project, which a command that only reads doesn't. Commands that act do,
    and their dry runs.
    """
    return not is_only_read(root) or any(each.rehearsing for each in _open_at(root))


def _open_at(root: Path) -> list[CurrentProject]:
    opened = (each() for each in _opened)
    return [
        each for each in opened if each and not each.journal.closed and each.project.root == root
    ]
