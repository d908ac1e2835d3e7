"""Keep plugins that packages register by a function call; entry points are found elsewhere."""

from __future__ import annotations

from typing import Any

#: The plugins by entry-point group and name.
_registered: dict[str, dict[str, Any]] = {}


def register(group: str, name: str, plugin: Any) -> None:
    """Register a plugin for this process, instead of any of the same name before.

    Parameters
    ----------
    group
        The entry-point group that the plugin would be published in.
    name
        The plugin's name.
    plugin
        The plugin itself, an object and not a class.
    """
    _registered.setdefault(group, {})[name] = plugin


def registered(group: str) -> dict[str, Any]:
    """Return a copy of a group's registered plugins, by name."""
    return dict(_registered.get(group, {}))


def forget() -> None:
    """Forget every registered plugin."""
    _registered.clear()
