"""Small functions for folders and settings that packages import from `asimov.utils`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.settings.merging import difference, lay_over, merge
from asimov.system.environment import set_directory

__all__ = ["diff_dict", "set_directory", "update"]


def update(base: dict[Any, Any], top: Mapping[Any, Any], inplace: bool = True) -> dict[Any, Any]:
    """Merge settings into others: mappings merge, other values replace.

    Parameters
    ----------
    base, top
        The settings; those of `top` win.
    inplace
        Whether `base` itself is changed.
    """
    return lay_over(base, top) if inplace else merge([base, top])


def diff_dict(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the settings that `after` adds to `before` or changes in it."""
    return difference(before, after)
