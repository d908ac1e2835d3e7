"""A click type for options that take a time: ``2d`` ago, ``yesterday``, or an ISO time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import click

from asimov.system import clock

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """A time, as seconds since the epoch.

    ``90s``, ``30m``, ``3h``, ``2d`` and ``1w`` are that long ago. ``today`` and ``yesterday`` begin
    at midnight. An ISO date or time without a zone is local time, as midnight is.
    """

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time, or refuse it."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        if ago := _AGO.fullmatch(text.lower()):
            return clock.now() - float(ago[1]) * _UNITS[ago[2]]
        if text.lower() in {"today", "yesterday"}:
            now = datetime.fromtimestamp(clock.now())
            day = now.replace(hour=0, minute=0, second=0, microsecond=0)
            return (day - timedelta(days=text.lower() == "yesterday")).timestamp()
        try:
            return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text)).timestamp()
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{text!r} is not a time: use 2d, 3h, today, yesterday, or 2026-05-31T12:00",
                param,
                ctx,
            )
