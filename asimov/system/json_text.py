"""Write plain data as JSON, whatever people and packages have put into it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from asimov.text import encodable

#: Half of a character in JSON. A half alone stands for a byte that is no text, as in a file name.
_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


def as_json(value: object) -> str:
    """Return a value as JSON in ASCII; values that JSON can't express become text."""
    return indented(plain_json(value))


def plain_json(value: object) -> str:
    """Return a value as `as_json` does, in one line."""
    try:
        written = json.dumps(value, default=str, allow_nan=False)
    except (TypeError, ValueError):
        written = json.dumps(_plain(value), default=str)
    if _HALF.search(written):
        written = json.dumps(_plain(value), default=lambda each: encodable(str(each)))
    return written.replace("\x7f", "\\u007f")


def indented(text: str) -> str:
    """Return JSON with indentation.

    The module `json` indents in Python, which takes ten times as long.
    """
    import msgspec

    return msgspec.json.format(text, indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 1000:
        return hex(value)  # Python does not write many decimal digits
    return encodable(value) if isinstance(value, str) else value


def _key(key: Any) -> Any:
    if key is None or isinstance(key, bool):
        return key
    return str(_plain(key))
