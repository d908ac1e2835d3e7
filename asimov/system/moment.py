"""Read a time as people write it: ``2d`` ago, ``yesterday``, or an ISO time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from asimov.system import clock

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def moment(written: str) -> float:
    """Return a time in seconds since the epoch.

    ``90s``, ``30m``, ``3h``, ``2d`` and ``1w`` are that long ago. ``today`` and ``yesterday`` begin
    at midnight. An ISO date or time without a zone is local time, as midnight is.

    Parameters
    ----------
    written
        The time.

    Raises
    ------
    ValueError
        If it is none; the message says what can be written.
    """
    text = written.strip()
    if ago := _AGO.fullmatch(text.lower()):
        return clock.now() - float(ago[1]) * _UNITS[ago[2]]
    if text.lower() in {"today", "yesterday"}:
        now = datetime.fromtimestamp(clock.now())
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (day - timedelta(days=text.lower() == "yesterday")).timestamp()
    try:
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"{text!r} is not a time: use 2d, 3h, today, yesterday, or 2026-05-31T12:00"
        ) from error
