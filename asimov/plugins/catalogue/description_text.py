"""Format a plugin's description as text, for `asimov plugins show`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asimov.errors import AsimovError

_INDENT = "  "


def description_text(plugin: Mapping[str, Any]) -> str:
    """Return a plugin's description as text.

    Parameters
    ----------
    plugin
        The plugin's entry and, if it loads, its description.

    Raises
    ------
    AsimovError
        Where the plugin can't be loaded, with the cause.
    """
    if plugin.get("error"):
        raise AsimovError(
            f"the {plugin['kind']} {plugin['name']!r} of the package {plugin['package']} "
            f"{plugin['version']} can't be loaded: {plugin['error']}",
            hint="reinstall or remove the package; the rest of asimov works without it",
        )
    parts = [_head(plugin)]
    if plugin["kind"] in {"pipeline", "settings"}:
        parts.append(_settings(plugin.get("settings")))
    if plugin["kind"] == "pipeline":
        parts.append(_section("inputs", plugin.get("inputs"), _asset))
        parts.append(_section("outputs", plugin.get("outputs"), _asset))
        parts.append(_section("methods of its own", plugin.get("methods"), str))
    if plugin["kind"] == "function":
        parts.append(_section("registered functions", plugin.get("registers"), str))
    if plugin.get("documentation"):
        parts.append("documentation\n" + _indented(plugin["documentation"].splitlines()))
    parts += [
        f"There is also a {other['kind']} of this name in the package {other['package']}."
        for other in plugin.get("also", ())
    ]
    return "\n\n".join(parts)


def _head(plugin: Mapping[str, Any]) -> str:
    rows = {
        "name": plugin["name"],
        "kind": plugin["kind"],
        "analyses": plugin.get("analyses"),
        "class": plugin.get("class"),
        "package": f"{plugin['package']} {plugin['version']}",
        "home page": plugin.get("home"),
    }
    if plugin["kind"] == "pipeline":
        rows["template"] = _template(plugin.get("template"))
    width = max(map(len, rows))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in rows.items() if value)


def _template(template: Any) -> str:
    if not template:
        return "none"
    if "error" in template:
        return str(template["error"])
    if template.get("depends"):
        return "depends on the analysis"
    if not template["exists"]:
        return f"{template['path']}, which does not exist"
    return f"{template['path']} ({template['dialect']})"


def _section(title: str, items: Any, line: Any) -> str:
    if isinstance(items, Mapping):
        return f"{title}\n{_INDENT}{items.get('error')}"
    if not items:
        return f"{title}\n{_INDENT}none declared"
    return f"{title}\n" + _indented(line(each) for each in items)


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"{_INDENT}{line}".rstrip() for line in lines)


def _settings(rows: Any) -> str:
    """Return a line for each setting, in columns: name, values, default and description."""
    if not rows or isinstance(rows, Mapping):
        return _section("settings", rows, str)
    columns = ("setting", "kind", "default")
    cells = [
        [row["setting"], row.get("kind", ""), _default(row), row.get("description", "")]
        for row in rows
    ]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    lines = (
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width),
                row[-1],
            ]
        )
        for row in cells
    )
    return "settings\n" + _indented(lines)


def _default(row: Mapping[str, Any]) -> str:
    default = str(row.get("default", ""))
    return default if default in {"", "required"} else f"default {default}"


def _asset(asset: Mapping[str, Any]) -> str:
    marks = [asset["format"], "optional" if asset["optional"] else None]
    inside = ", ".join(mark for mark in marks if mark)
    text = str(asset["name"]) + (f" ({inside})" if inside else "")
    return f"{text}: {asset['description']}" if asset["description"] else text
