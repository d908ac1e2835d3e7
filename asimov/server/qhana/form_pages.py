"""The form page of a step of QHAna's protocol, made from a question in the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from asimov.server.qhana.forms import camel


def step_page(step: Mapping[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    step
        ``said``, what is asked, and ``rows``, a setting each.
    """
    rows = "\n".join(_row(each) for each in step["rows"])
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{escape(step["said"].splitlines()[0])}</title></head>
<body>
<pre>{escape(step["said"])}</pre>
<form method="post" action="../">
{rows}
<p><button type="submit">Submit</button></p>
</form>
</body>
</html>
"""


def _row(row: Mapping[str, str]) -> str:
    name = escape(camel(row["setting"].replace(" ", "_")))
    default = row["default"]
    value = "" if default in {"required", "nothing", ""} else f' value="{escape(_plain(default))}"'
    needed = " required" if default == "required" else ""
    about = escape(f"{row['description']} ({row['kind']})")
    label = f'<label for="{name}">{name}</label>'
    return f'<p>{label}<br><input id="{name}" name="{name}"{needed}{value}><br>{about}</p>'


def _plain(default: str) -> str:
    """Return a default, which is JSON, as a form has it: text without its quotes."""
    value = json.loads(default)
    return value if isinstance(value, str) else default
