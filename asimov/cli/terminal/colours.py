"""The colours of states on a terminal, and whether a terminal shows any."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from typing import TextIO

#: The style of each state, in the words of `rich`. States that are not in it have none.
COLOURS = {
    "running": "cyan",
    "processing": "cyan",
    "finished": "green",
    "uploaded": "green",
    "stuck": "bold red",
    "lost": "bold red",
    "held": "bold red",
    "stop": "yellow",
    "stopped": "yellow",
    "restart": "yellow",
    "cancelled": "dim",
    "wait": "yellow",
    "manual": "magenta",
    "review": "magenta",
    "asking": "magenta",
}
_STATE = rf"\b(?:{'|'.join(COLOURS)})\b"
#: Where a line surely means states: in a change from one to another, in counts of them, and in
#: brackets after a name.
_CHANGE = re.compile(r"(?:: |  )\w+ -> \w+\b")
_COUNT = re.compile(rf"(?:(?<=, )|(?<=: )|^)\d+ {_STATE}(?=,|$)")
_BEHIND = re.compile(rf"(?<= \(){_STATE}(?=[,)])")
_NAMED = re.compile(_STATE)


def wanted(stream: TextIO | None = None) -> bool:
    """Return whether output is to be coloured: only on a terminal, and not with ``NO_COLOR``.

    Parameters
    ----------
    stream
        Where the output goes; standard output by default.

    Notes
    -----
    A variable ``NO_COLOR`` that is not empty turns colours off: https://no-color.org.
    """
    stream = sys.stdout if stream is None else stream
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and stream.isatty()


def coloured(line: str, states: Collection[str] = ()) -> str:
    """Return a line with its states coloured: in changes, counts and brackets, and those named.

    Parameters
    ----------
    line
        The line, with unsafe characters escaped.
    states
        States that the line contains as such; of each, the first word that is like it is meant.
    """
    for pattern in (_CHANGE, _COUNT, _BEHIND):
        line = pattern.sub(lambda found: _NAMED.sub(_painted, found[0]), line)
    for state in states:
        if state in COLOURS:
            line = re.sub(rf"\b{state}\b", _painted, line, count=1)
    return line


def _painted(found: re.Match[str]) -> str:
    import click

    *how, colour = COLOURS[found[0]].split()
    if colour == "dim":
        return click.style(found[0], dim=True)
    return click.style(found[0], fg=colour, bold="bold" in how or None)
