"""Fields of science that packages add: settings that follow from others, and classes of analyses.

A package publishes a `Field` under the entry-point group ``asimov.fields``. asimov itself has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from asimov.discovery import extensions
from asimov.settings.merging import copied, difference


class Field(msgspec.Struct, frozen=True):
    """One field of science.

    Parameters
    ----------
    marks
        Takes the effective settings of an analysis; returns whether it belongs to the field.
    complete
        Takes the settings of such an analysis and adds, in place, what follows from them. It is
        called whenever settings are computed, and nothing of it is stored.
    kind
        Takes ``simple``, ``subject`` or ``project``; returns the class of such an analysis, which
        derives from `SimpleAnalysis`, `SubjectAnalysis` or `ProjectAnalysis`.
    """

    marks: Callable[[Mapping[str, Any]], bool]
    complete: Callable[[dict[str, Any]], None]
    kind: Callable[[str], Any]


def complete(settings: dict[str, Any]) -> dict[str, Any]:
    """Add what follows from settings, in place, and return them.

    Settings that belong to no field stay as they are.

    Raises
    ------
    ExtensionError
        If a field can't be loaded.
    """
    for field in extensions.every(extensions.FIELDS):
        if field.marks(settings):
            field.complete(settings)
    return settings


def derived(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from settings, which stay as they are."""
    if not any(field.marks(settings) for field in extensions.every(extensions.FIELDS)):
        return {}  # most analyses belong to no field: nothing is copied for them
    return difference(settings, complete(copied(settings)))


def kind(name: str, settings: Mapping[str, Any]) -> Any:
    """Return the class that a field has for an analysis; None if the analysis belongs to no field.

    Parameters
    ----------
    name
        ``simple``, ``subject`` or ``project``.
    settings
        The effective settings of the analysis.
    """
    found = extensions.every(extensions.FIELDS)
    return next((field.kind(name) for field in found if field.marks(settings)), None)
