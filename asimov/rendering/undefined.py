"""Explain undefined names in templates and arguments: suggest similar ones, list what exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from asimov.text import did_you_mean, listed

#: How many of the names that there are, an error lists.
LISTED = 30

_MISSING = re.compile(r"has no attribute '(.+)'$|^'(.+)' is undefined$")


def undefined(message: str, context: Mapping[str, Any], source: str) -> tuple[str, str | None]:
    """Return Jinja's message about an undefined name with a suggestion, and what there is.

    Parameters
    ----------
    message
        Jinja's message.
    context
        The names that the template may use.
    source
        Its text.
    """
    if not (missing := _MISSING.search(message)):
        return message, None
    if missing[1] and _is_asset(missing[1], source):
        known = _assets(context.get("inputs") or ())
        names = [name for each in known.values() for name in each]
        there = "; ".join(f"{owner} has {listed(each) or 'none'}" for owner, each in known.items())
        return (
            f"there is no asset '{missing[1]}'{did_you_mean(missing[1], names)}",
            f"of its inputs, {there}" if there else "it has no inputs: name them in 'needs'",
        )
    instead, there = _among_settings(missing[1] or missing[2], context)
    if missing[2]:
        there = f"a template can use {listed(sorted(map(str, context)), LISTED)}"
    return f"{message}{instead}", there


def _is_asset(name: str, text: str) -> bool:
    """Return whether a text reads a name from ``assets``."""
    return re.search(rf"\bassets(?:\s*\.\s*|\[\s*['\"]){re.escape(name)}\b", text) is not None


def _assets(inputs: Any) -> dict[str, list[str]]:
    """Return the names of the products of each input, by the input."""
    return {str(each.key): sorted(map(str, each.assets)) for each in inputs}


def _among_settings(name: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Return where the settings have a name, or a similar one, and what they have."""
    places: dict[str, list[str]] = {}
    settings: list[str] = []
    todo: list[tuple[str, Any]] = [("meta", context.get("meta"))]
    while todo:
        path, inside = todo.pop(0)
        for key, value in inside.items() if isinstance(inside, Mapping) else ():
            places.setdefault(str(key), []).append(path)
            settings.append(f"{path}: {key}".removeprefix("meta: "))
            todo.append((f"{path}: {key}", value))
    there = f"the settings in 'meta' are {listed(settings, LISTED) or 'none'}"
    if name in places:
        return f"; it is in {places[name][0]!r}", there
    return did_you_mean(name, [*places, *context], 0.8), there
