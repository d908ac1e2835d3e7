"""Print tables: coloured on a terminal, as aligned plain text otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asimov import text
from asimov.cli.terminal.colours import COLOURS, wanted
from asimov.cli.terminal.output import say

if TYPE_CHECKING:
    from rich.table import Table


def show(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table.

    Parameters
    ----------
    headings
        The headings of the columns.
    rows
        The cells of each row, one per column.
    """
    if sys.stdout.isatty():
        from rich.console import Console

        Console(color_system="auto" if wanted() else None).print(drawn(headings, rows))
        return
    rows = [[text.line(cell) for cell in row] for row in rows]
    widths = [
        max([len(heading), *(len(row[i]) for row in rows)]) for i, heading in enumerate(headings)
    ]
    for row in [headings, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def drawn(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table for a terminal, with the states coloured."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings, 1):
        # Names must stay whole to be copied; only the last column may wrap.
        table.add_column(heading, no_wrap=number < len(headings), overflow="fold")
    for row in rows:
        table.add_row(*(Text(text.line(cell), style=COLOURS.get(cell, "")) for cell in row))
    return table
