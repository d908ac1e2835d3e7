"""A click type for options that take a time: ``2d`` ago, ``yesterday``, or an ISO time."""

from __future__ import annotations

from typing import Any

import click

from asimov.system.moment import moment


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """A time, as seconds since the epoch; see `asimov.system.moment`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time, or refuse it."""
        if isinstance(value, float):
            return value
        try:
            return moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
