"""Convert ClassAds to dictionaries, and quote values for constraints and submit commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: A ClassAd's plain values.
Ad = dict[str, Any]
_PLAIN = (str, int, float, bool)


def plain(ad: Any) -> Ad:
    """Return a ClassAd's plain values; undefined ones are left out."""
    # By exact type: the bindings' Value.Undefined is an int.
    return {key: value for key, value in dict(ad).items() if type(value) in _PLAIN}


def quoted(text: str) -> str:
    """Return a text as a ClassAd string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Return a text as configuration and submit commands write it, so that it has no macros."""
    return re.sub(r"\$(?=\w*\()", "$(DOLLAR)", text)


def member(attribute: str, numbers: Iterable[int]) -> str:
    """Return the constraint that an attribute is one of some numbers.

    A chain of ``||`` does not work: measured with 25.14.1, the schedd answers a history query with
    500 comparisons with nothing at all and without an error, where this form was right with 60,000
    characters, in half the time.
    """
    return f"member({attribute}, {{{','.join(map(str, numbers))}}})"
