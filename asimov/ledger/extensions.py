"""Fields of science: the modules with conveniences for them; the core knows no more of any.

Each of the modules has

- ``marks(settings)``: whether an analysis with these settings is of the field,
- ``complete(settings)``: puts in, in place, what follows from the settings of one that is,
- ``KINDS``: the class of each kind of analysis of the field,
- ``ATTRIBUTES``: what these have that others have not, and ``MARKS``: the marks in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from asimov.mappings import copied, difference

MODULES = ("asimov.compat.gravitational_waves",)

_MISSING = re.compile(r"has no attribute '(\w+)'")


@cache
def _modules() -> tuple[ModuleType, ...]:
    """Load the modules: they are made of what asks for them."""
    return tuple(import_module(name) for name in MODULES)


def complete(settings: dict[str, Any]) -> dict[str, Any]:
    """Put in what follows from settings, in place, and return them.

    Settings without the marks of a field stay as they are.
    """
    for module in _modules():
        if module.marks(settings):
            module.complete(settings)
    return settings


def derived(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from settings, which stay as they are."""
    return difference(settings, complete(copied(settings)))


def kind(name: str, settings: dict[str, Any]) -> Any:
    """Return the class of an analysis of a field; None for one of none.

    Parameters
    ----------
    name
        ``simple``, ``subject`` or ``project``.
    settings
        Its effective settings.
    """
    return next((m.KINDS[name] for m in _modules() if m.marks(settings)), None)


def hint(message: str) -> str | None:
    """Return what to do about an error in Python's words, where a field can tell.

    That is so where an analysis without the marks of the field was asked for what only the
    others have.
    """
    found = _MISSING.search(message)
    for module in _modules():
        if found and "Analysis" in message and found[1] in module.ATTRIBUTES:
            return f"an analysis has {found[1]!r} where its settings hold {module.MARKS}"
    return None
