"""Merge layers of settings: mappings merge, everything else replaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def copied(value: Any) -> Any:
    """Return a deep copy of the mappings and lists in a value."""
    # Most values are neither, and are not worth a call: this runs for every setting.
    if isinstance(value, dict):
        return {
            key: copied(each) if isinstance(each, (dict, list)) else each
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [copied(each) if isinstance(each, (dict, list)) else each for each in value]
    return value


def lay_over(base: dict[Any, Any], top: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge `top` into `base`, in place, and return `base`, which shares nothing with `top`."""
    for key, value in top.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            lay_over(below, value)
        else:
            base[key] = copied(value) if isinstance(value, (dict, list)) else value
    return base


def merge(layers: Iterable[Mapping[Any, Any]]) -> dict[Any, Any]:
    """Merge layers of settings, the least specific first."""
    merged: dict[Any, Any] = {}
    for layer in layers:
        lay_over(merged, layer)
    return merged


def origins(layers: Iterable[tuple[str, Mapping[Any, Any]]]) -> dict[tuple[Any, ...], str]:
    """Return the layer that each value of the merged settings comes from.

    Parameters
    ----------
    layers
        The layers with their names, lowest first.

    Returns
    -------
    dict
        The layer's name by the path of keys to each value that is not a mapping (or an empty one).
    """
    found: dict[tuple[Any, ...], str] = {}
    merged: dict[Any, Any] = {}
    for name, layer in layers:
        lay_over(merged, layer)
        for path, _ in leaves(layer):
            found[path] = name
    return {path: found[path] for path, _ in leaves(merged)}


def leaves(
    settings: Mapping[Any, Any], above: tuple[Any, ...] = ()
) -> Iterable[tuple[tuple[Any, ...], Any]]:
    """Yield the path and the value of every leaf: what is not a mapping, or an empty one."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def value_at(settings: Mapping[Any, Any], path: Iterable[Any], missing: Any = None) -> Any:
    """Return the value under a path of keys, or `missing` if there is none."""
    found: Any = settings
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return missing
        found = found[key]
    return found


def difference(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the layer that, merged over `before`, adds and changes what `after` does.

    A key that only `before` has is ignored: a layer can't remove a setting.
    """
    changed: dict[Any, Any] = {}
    for key, value in after.items():
        if key not in before:
            changed[key] = copied(value)
        elif isinstance(value, Mapping) and isinstance(before[key], Mapping):
            inner = difference(before[key], value)
            if inner:
                changed[key] = inner
        elif value != before[key] or type(value) is not type(before[key]):
            changed[key] = copied(value)
    return changed
