"""What is known of a plugin, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asimov.errors import AsimovError

_INDENT = "  "


def description_text(told: Mapping[str, Any]) -> str:
    """Return the text of ``asimov plugins show``.

    Parameters
    ----------
    told
        A plugin's entry and, where it loads, its description.

    Raises
    ------
    AsimovError
        Where it can't be loaded, with the cause.
    """
    if told.get("error"):
        raise AsimovError(
            f"the {told['kind']} {told['name']!r} of the package {told['package']} "
            f"{told['version']} can't be loaded: {told['error']}",
            hint="mend or remove the package; the rest of asimov goes on without it",
        )
    parts = [_head(told)]
    if told["kind"] in {"pipeline", "settings"}:
        parts.append(_settings(told.get("settings")))
    if told["kind"] == "pipeline":
        parts.append(_section("inputs", told.get("inputs"), _asset))
        parts.append(_section("outputs", told.get("outputs"), _asset))
        parts.append(_section("methods of its own", told.get("methods"), str))
    if told.get("documentation"):
        parts.append("documentation\n" + _indented(told["documentation"].splitlines()))
    parts += [
        f"There is also a {other['kind']} of this name in the package {other['package']}."
        for other in told.get("also", ())
    ]
    return "\n\n".join(parts)


def _head(told: Mapping[str, Any]) -> str:
    rows = {
        "name": told["name"],
        "kind": told["kind"],
        "analyses": told.get("analyses"),
        "class": told.get("class"),
        "package": f"{told['package']} {told['version']}",
        "home page": told.get("home"),
    }
    if told["kind"] == "pipeline":
        rows["template"] = _template(told.get("template"))
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
    """Return a line a setting, in columns: name, values, default, and what it is."""
    if not rows or isinstance(rows, Mapping):
        return _section("settings", rows, str)
    columns = ("setting", "kind", "default")
    cells = [
        [row["setting"], row.get("kind", ""), _default(row), row.get("description", "")]
        for row in rows
    ]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
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
