"""The names of the package `asimov` that depend on which project one is in."""

from __future__ import annotations

import logging
import weakref
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.configuration import read
from asimov.errors import AsimovError
from asimov.layout import find
from asimov.logs import logger as _logger

if TYPE_CHECKING:
    from asimov.project.workspace import Workspace

__all__ = ["LOGGER_LEVEL", "config", "logger", "logging"]

LOGGER_LEVEL = logging.INFO
logger = _logger()

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


def _config() -> ConfigParser:
    """Return the configuration that holds now."""
    opened = workspace()
    if opened is not None:
        return opened.project.config
    try:
        return find().config
    except AsimovError:
        return read()


class _Configuration:
    """The configuration that holds when it is asked, with the methods of a `ConfigParser`.

    Packages keep what they import for as long as the process lives, and the configuration may
    be changed meanwhile, or the process go on to another project.
    """

    # What `isinstance` asks for.
    __class__ = ConfigParser  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(_config(), name)

    def __getitem__(self, section: str) -> Any:
        return _config()[section]

    def __setitem__(self, section: str, options: Any) -> None:
        _config()[section] = options

    def __delitem__(self, section: str) -> None:
        del _config()[section]

    def __contains__(self, section: object) -> bool:
        return section in _config()

    def __iter__(self) -> Any:
        return iter(_config())

    def __len__(self) -> int:
        return len(_config())

    def __eq__(self, other: object) -> bool:
        return _config() == other

    def __hash__(self) -> int:
        return id(self)


config = _Configuration()
