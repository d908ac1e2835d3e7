"""The globals that packages import from `asimov`: configuration and log of the current project."""

from __future__ import annotations

import logging
from configparser import ConfigParser
from typing import Any

from asimov.configuration import read
from asimov.errors import AsimovError
from asimov.logs import logger as _logger
from asimov.project.current import workspace
from asimov.project.layout import find

__all__ = ["LOGGER_LEVEL", "config", "logger", "logging"]

LOGGER_LEVEL = logging.INFO
logger = _logger()


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
    """The current configuration, looked up on each use, with the methods of a `ConfigParser`.

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


def __getattr__(name: str) -> Any:
    """Return `current_ledger`, which depends on the folder that one is in when it is imported."""
    if name == "current_ledger":
        from asimov.compat.current_ledger import current_ledger

        return current_ledger()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
