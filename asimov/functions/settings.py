"""Lay an analysis's settings over a function's defaults, and find the keys that it doesn't have."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any


def unknown_keys(
    defaults: Any, given: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the path of each setting that the defaults do not have.

    An empty mapping, or none, among the defaults takes any keys.
    """
    if not isinstance(defaults, Mapping) or not defaults or not isinstance(given, Mapping):
        return
    for key, value in given.items():
        if key in defaults:
            yield from unknown_keys(defaults[key], value, (*path, str(key)))
        else:
            yield (*path, str(key))


def no_mappings(defaults: Any, given: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each setting that is not a mapping although its default is one."""
    if not isinstance(defaults, Mapping) or not isinstance(given, Mapping):
        return
    for key in given.keys() & defaults.keys():
        if not isinstance(defaults[key], Mapping) or not defaults[key]:
            continue
        if isinstance(given[key], Mapping):
            yield from no_mappings(defaults[key], given[key], (*path, str(key)))
        elif given[key] is not None:
            yield (*path, str(key))


def other_types(
    defaults: Any, given: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each setting of another type than its default, and that type in words.

    A number of any type stands for another one. Nothing is said of a setting that is null, or is
    so by default, nor of a mapping, for which see `no_mappings`.
    """
    if not isinstance(defaults, Mapping) or not isinstance(given, Mapping):
        return
    for key in given:
        if key not in defaults:
            continue
        default, value = defaults[key], given[key]
        if isinstance(default, Mapping):
            yield from other_types(default, value, (*path, str(key)))
        elif default is not None and value is not None and _type(default) != _type(value):
            yield (*path, str(key)), _type(default)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, (list, tuple)) else "a mapping"


def laid_over(defaults: Any, given: Any) -> Any:
    """Return settings over their defaults: mappings merge, everything else replaces."""
    if not isinstance(defaults, Mapping) or not isinstance(given, Mapping):
        return copy.deepcopy(given)
    merged = copy.deepcopy(dict(defaults))
    for key, value in given.items():
        merged[key] = laid_over(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged
