"""HTML forms that QHAna shows: for a plugin's settings, and for what a waiting task asks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import msgspec

from asimov.server.qhana.forms import FormField, camel, form_fields
from asimov.settings.declaration import REQUIRED
from asimov.settings.types import allowed, read, words


def plugin_page(title: str, about: str, settings: type | None) -> str:
    """Return the page of a plugin, at ``ui/`` below its address.

    Parameters
    ----------
    title, about
        What the plugin is for.
    settings
        The settings that it asks for.
    """
    heading = f"<h1>{escape(title)}</h1>\n<p>{escape(about)}</p>"
    return _page(title, heading, "../process/", map(_setting_row, form_fields(settings)))


def step_page(text: str, rows: Iterable[Mapping[str, str]]) -> str:
    """Return the page of a step, at ``ui/`` below its address.

    Parameters
    ----------
    text
        What is asked.
    rows
        The settings that it asks for, as a question of the journal has them.
    """
    heading = f"<pre>{escape(text)}</pre>"
    return _page(text.splitlines()[0], heading, "../", map(_answer_row, rows))


def _page(title: str, heading: str, action: str, rows: Iterable[str]) -> str:
    lines = "\n".join(rows)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{escape(title)}</title></head>
<body>
{heading}
<form method="post" action="{escape(action)}">
{lines}
<p><button type="submit">Submit</button></p>
</form>
</body>
</html>
"""


def _row(name: str, control: str, about: str) -> str:
    label = f'<label for="{escape(name)}">{escape(name)}</label>'
    return f"<p>{label}<br>{control}<br><small>{escape(about)}</small></p>"


def _input(name: str, value: str | None, *, needed: bool) -> str:
    given = "" if value is None else f' value="{escape(value)}"'
    required = " required" if needed else ""
    return f'<input id="{escape(name)}" name="{escape(name)}"{required}{given}>'


def _setting_row(each: FormField) -> str:
    name, field = each
    about = f"{field.description} ({words(field.kind)})".strip()
    needed = field.default is REQUIRED
    default = None if needed else field.default
    choices = [True, False] if read("true", field.kind) is True else allowed(field.kind)
    if not choices:
        value = None if default is None else _text(default)
        return _row(name, _input(name, value, needed=needed), about)
    options = "".join(
        f'<option value="{escape(_text(c))}"{" selected" if c == default else ""}>'
        f"{escape(_text(c))}</option>"
        for c in choices
    )
    required = " required" if needed else ""
    select = f'<select id="{escape(name)}" name="{escape(name)}"{required}>{options}</select>'
    return _row(name, select, about)


def _answer_row(row: Mapping[str, str]) -> str:
    name, default = camel(row["setting"].replace(" ", "_")), row["default"]
    value = None if default in {"required", "nothing", ""} else _without_quotes(default)
    control = _input(name, value, needed=default == "required")
    return _row(name, control, f"{row['description']} ({row['kind']})")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _without_quotes(default: str) -> str:
    """Return a default, which is JSON, as a form has it: text without its quotes."""
    value = json.loads(default)
    return value if isinstance(value, str) else default
