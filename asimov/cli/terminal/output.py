"""The only way to write to the terminal: it escapes unsafe characters.

Output may contain text from outside: names, comments, job output, messages of packages. `say` and
`warn` keep it on its line, so that it can't pass for a message of asimov.
"""

from __future__ import annotations

import click

from asimov import text
from asimov.cli.terminal.colours import coloured, wanted
from asimov.cli.terminal.progress import clear
from asimov.errors import OutputError
from asimov.system.json_text import as_json


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
