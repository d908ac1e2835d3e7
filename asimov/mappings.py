"""The one way in which settings are laid over each other: mappings merge, all else replaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def copied(value: Any) -> Any:
    """Return a value with mappings and lists of its own."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def lay_over(base: dict[Any, Any], top: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge `top` into `base`, in place, and return `base`; `top` is not shared."""
    for key, value in top.items():
        below = base.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict):
            lay_over(below, value)
        else:
            base[key] = copied(value)
    return base


def merge(layers: Iterable[Mapping[Any, Any]]) -> dict[Any, Any]:
    """Return the settings that hold when each layer is laid over those before it."""
    merged: dict[Any, Any] = {}
    for layer in layers:
        lay_over(merged, layer)
    return merged


def origins(layers: Iterable[tuple[str, Mapping[Any, Any]]]) -> dict[tuple[Any, ...], str]:
    """Say for every value of the merged settings which layer it is from.

    Parameters
    ----------
    layers
        The layers with their names, lowest first.

    Returns
    -------
    dict
        The layer's name by the path of keys to each value that is no mapping (or an empty one).
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
    """Yield the path and the value of everything that is no mapping, or an empty one."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def difference(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what must be laid over `before` to add and change what `after` adds and changes.

    A key that only `before` has is not told: layers can't take a setting away.
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
