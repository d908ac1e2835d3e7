"""Print tables: coloured and fitted to the width on a terminal, as aligned text otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asimov import text
from asimov.cli.terminal.colours import COLOURS, wanted
from asimov.cli.terminal.output import say

if TYPE_CHECKING:
    from rich.table import Table

#: The space between columns.
_GAP = 2
#: Columns that may be narrower than their text are not made narrower than this.
_NARROWEST = 16


def show(headings: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> None:
    """Print a table.

    Parameters
    ----------
    headings
        The headings of the columns.
    rows
        The cells of each row, one per column.
    spare
        Headings of columns that a narrow terminal can do without, the least important first.
    """
    if sys.stdout.isatty():
        from rich.console import Console

        console = Console(color_system="auto" if wanted() else None)
        console.print(drawn(headings, rows, fitted(headings, rows, console.width, spare)))
        return
    rows = [[text.line(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(headings, *rows, strict=True)]
    for row in [headings, *rows]:
        cells = [cell + " " * (most - width(cell)) for cell, most in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def width(cell: str) -> int:
    """Return how many columns of a terminal a text takes; many Asian characters take two."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def fitted(
    headings: Sequence[str], rows: Sequence[Sequence[str]], most: int, spare: Sequence[str] = ()
) -> list[int]:
    """Return the width of each column on a terminal; 0 for one that is left out.

    The first column, with names, and the last, with sentences, may be folded, the others not.

    Parameters
    ----------
    headings, rows, spare
        As of `show`.
    most
        The width of the terminal.
    """
    wide = [max(map(width, column)) for column in zip(headings, *rows, strict=True)]
    ends = {0, len(wide) - 1} if len(wide) > 1 else {0}
    least = [min(each, _NARROWEST) if i in ends else each for i, each in enumerate(wide)]
    for heading in spare:
        if _sum(least) <= most or heading not in headings:
            continue
        least[headings.index(heading)] = 0
    for i in ends:
        if _sum(least) > most:
            least[i] = min(least[i], _NARROWEST // 2)
    widths = list(least)
    for i in sorted(ends):
        if widths[i]:
            widths[i] = max(least[i], min(wide[i], least[i] + most - _sum(widths)))
    return widths


def _sum(widths: Sequence[int]) -> int:
    kept = [each for each in widths if each]
    return sum(kept) + _GAP * (len(kept) - 1)


def drawn(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Table:
    """Return a table for a terminal, with the states coloured.

    See `show` for the parameters, and `fitted` for the widths.
    """
    from rich.table import Table
    from rich.text import Text

    rows = [[text.line(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    kept = [i for i, each in enumerate(widths) if each]
    for i in kept:
        # Folded, not cut: a name must stay whole to be copied.
        table.add_column(headings[i], width=widths[i], overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[i], style=COLOURS.get(row[i], "")) for i in kept))
    return table
