"""The names of the package `asimov` that are made when first asked for."""

from __future__ import annotations

import logging
from configparser import ConfigParser

from asimov.configuration import read
from asimov.errors import AsimovError
from asimov.logs import logger as _logger
from asimov.project import find

__all__ = ["LOGGER_LEVEL", "config", "logger", "logging"]  # noqa: F822  (see __getattr__)

LOGGER_LEVEL = logging.INFO
logger = _logger()


def _config() -> ConfigParser:
    """Return the configuration of the project that the current folder lies in, or outside one."""
    try:
        return find().config
    except AsimovError:
        return read()


def __getattr__(name: str) -> object:
    # Not kept: a process may go from one project to another.
    if name == "config":
        return _config()
    raise AttributeError(name)
