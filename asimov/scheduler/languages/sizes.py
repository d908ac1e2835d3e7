"""Parse memory and disk sizes in submit files: ``2GB``, ``512``, ``1.5 G``.

Source: HTCondor's manual, "condor_submit", request_memory and request_disk.
"""

from __future__ import annotations

import math
import re

_SIZE = re.compile(r"(\d+(?:\.\d*)?)\s*(?:([KMGT])B?)?", re.IGNORECASE)
_UNITS = "KMGT"


def size(text: str, unit: str) -> int | None:
    """Return a size in a unit, rounded up; None for 0 and for anything but a plain size.

    Parameters
    ----------
    text
        As written; an expression, which HTCondor would evaluate, is no plain size.
    unit
        ``K``, ``M``, ``G`` or ``T``: the unit of the result, and of a number without a unit.

    >>> size("2GB", "M"), size("512", "M"), size("0.5G", "K"), size("MemoryUsage * 2", "M")
    (2048, 512, 524288, None)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    power = _UNITS.index((match[2] or unit).upper()) - _UNITS.index(unit)
    return math.ceil(float(match[1]) * 1024.0**power) or None
