"""The result of an SPT plugin: check ``importances.csv``, and rank the cells of each specimen."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from asimov.pipelines.container.spt_cells import Cells

from asimov.system.reading import opened_text
from asimov.text import quoted

HEADER = ["histological_structure", "importance"]
RANKS_HEADER = ["specimen", "histological_structure", "rank"]
#: How many cells of each specimen are ranked.
RANKED = 1000

#: The line, if it is one of the file's, and what is wrong.
FileFault = tuple[int | None, str]


def faults(path: Path, cells: Cells) -> Iterator[FileFault]:
    """Yield what is wrong with an ``importances.csv``.

    Every cell of the input must have one row with a finite number.

    Parameters
    ----------
    path
        The file.
    cells
        The cells of the input graphs.
    """
    lines: dict[int, int] = {}
    try:
        with opened_text(path, newline="") as stream:
            rows = csv.reader(stream)
            header = next(rows, [])
            if header != HEADER:
                yield (
                    1,
                    f"the header should be '{','.join(HEADER)}', not {quoted(','.join(header))}",
                )
                return
            for row in rows:
                line = rows.line_num
                fault = _row_fault(row, cells, lines, line)
                if fault:
                    yield line, fault
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        yield None, f"can't be read: {error}"
        return
    absent = [cell for cell in cells.specimens if cell not in lines]
    if absent:
        first = absent[0]
        others = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        yield None, f"cell {first} of the graph {cells.graphs[first]} is missing{others}"


def _row_fault(row: list[str], cells: Cells, lines: dict[int, int], line: int) -> str | None:
    if len(row) != len(HEADER):
        return f"should have {len(HEADER)} values, not {len(row)}"
    name, value = row
    try:
        cell = int(name)
    except ValueError:
        return f"{quoted(name)} is not the id of a cell"
    if cell in lines:
        return f"cell {cell} is repeated: it is already in line {lines[cell]}"
    lines[cell] = line
    if cell not in cells.specimens:
        return f"cell {cell} is in no input graph"
    try:
        finite = math.isfinite(float(value))
    except ValueError:
        finite = False
    return (
        None if finite else f"the importance of cell {cell} is {quoted(value)}, not a finite number"
    )


def ranks(path: Path, cells: Cells) -> str:
    """Return the ranks of the most important cells of each specimen, as CSV.

    Rank 1 is the highest importance; of equal ones the smaller id comes first.

    Parameters
    ----------
    path
        A correct ``importances.csv``.
    cells
        The cells of the input graphs.
    """
    by_specimen: dict[str, list[tuple[float, int]]] = {}
    with opened_text(path, newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for name, value in rows:
            specimen = cells.specimens[int(name)]
            by_specimen.setdefault(specimen, []).append((-float(value), int(name)))
    lines = [",".join(RANKS_HEADER)]
    for specimen in sorted(by_specimen):
        most = sorted(by_specimen[specimen])[:RANKED]
        lines += [f"{_field(specimen)},{cell},{rank}" for rank, (_, cell) in enumerate(most, 1)]
    return "\n".join([*lines, ""])


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(each in text for each in ',"\n\r') else text
