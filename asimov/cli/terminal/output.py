"""The only way to write to the terminal: it escapes unsafe characters.

Output may contain text from outside: names, comments, job output, messages of packages. `say` and
`warn` keep it on its line, so that it can't pass for a message of asimov.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import click

from asimov import text
from asimov.cli.terminal.colours import coloured, wanted
from asimov.cli.terminal.progress import clear
from asimov.errors import OutputError


def _print(shown: str, *, color: bool | None = None, err: bool = False) -> None:
    try:
        click.echo(shown, color=color, err=err)
    except OSError as error:
        if err:
            raise
        raise OutputError(error) from error


def say(line: str = "", *states: str) -> None:
    """Print a line to standard output, with its states coloured on a terminal.

    Parameters
    ----------
    line
        The line.
    *states
        States that it contains; see `asimov.cli.terminal.colours.coloured`.
    """
    clear()
    shown = text.line(line)
    if wanted():
        _print(coloured(shown, states), color=True)
    else:
        _print(shown)


def warn(line: str) -> None:
    """Print a line to standard error, with very long values shortened."""
    clear()
    _print(text.line(text.bounded(line)), err=True)


def show(lines: str) -> None:
    """Print several lines of text."""
    clear()
    _print(text.block(lines))


def show_json(value: object) -> None:
    """Print a value as JSON in ASCII; values that JSON can't express become text."""
    _print(as_json(value))


def as_json(value: object) -> str:
    """Return a value as JSON in ASCII; values that JSON can't express become text."""
    try:
        written = json.dumps(value, indent=2, default=str, allow_nan=False)
    except (TypeError, ValueError):
        written = json.dumps(_plain(value), indent=2, default=str)
    return written.replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 1000:
        return hex(value)  # Python does not write many decimal digits
    return value


def _key(key: Any) -> Any:
    if key is None or isinstance(key, (str, bool)):
        return key
    return str(_plain(key))
