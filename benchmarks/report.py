"""Format measurements as Markdown tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from measure import Sample


def summary(samples: Sequence[Sample]) -> dict[str, float | int]:
    """Return the median and the range of the times, and the largest peak memory."""
    times = [sample.seconds for sample in samples]
    return {
        "seconds": statistics.median(times),
        "lowest": min(times),
        "highest": max(times),
        "memory_mb": max(sample.memory_mb for sample in samples),
        "samples": len(times),
    }


def growth(lives: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how each figure's time grows from one size to the next.

    The exponent is the ratio of the logarithms: 1 is linear, 2 the square. Below 1 the part that
    does not depend on the size weighs more.
    """
    found = []
    layouts = dict.fromkeys(life["layout"] for life in lives)
    for layout in layouts:
        ordered = sorted(
            (life for life in lives if life["layout"] == layout), key=lambda life: life["analyses"]
        )
        for small, large in pairwise(ordered):
            times = math.log(large["analyses"] / small["analyses"])
            for figure, after in large["figures"].items():
                before = small["figures"][figure]
                found.append(
                    {
                        "layout": layout,
                        "figure": figure,
                        "from": small["analyses"],
                        "to": large["analyses"],
                        "exponent": math.log(after["seconds"] / before["seconds"]) / times,
                    }
                )
    return found


def life_table(lives: Sequence[dict[str, Any]], grown: Sequence[dict[str, Any]]) -> str:
    """Format every figure as a table: seconds and MB by size, and growth between sizes."""
    sizes = sorted({life["analyses"] for life in lives})
    steps = list(pairwise(sizes))
    heads = [f"{size:,}" for size in sizes] + [f"growth to {large:,}" for _, large in steps]
    by_place = {(life["layout"], life["analyses"]): life["figures"] for life in lives}
    exponents = {(g["layout"], g["figure"], g["to"]): g["exponent"] for g in grown}
    rows = []
    for layout in dict.fromkeys(life["layout"] for life in lives):
        for figure in next(life["figures"] for life in lives if life["layout"] == layout):
            cells = []
            for size in sizes:
                of = by_place[layout, size][figure]
                cells.append(time_and_memory(of))
            cells += [f"{exponents[layout, figure, large]:.2f}" for _, large in steps]
            rows.append([f"{figure} ({layout})", *cells])
    return table(["", *heads], rows)


def time_and_memory(figures: dict[str, Any]) -> str:
    """Return a summary's median and peak as a cell."""
    return f"{seconds(figures['seconds'])}, {figures['memory_mb']:.0f} MB"


def against_table(compared: dict[str, Any]) -> str:
    """Format the comparison of both programs as a table."""
    rows = [
        [
            row["figure"],
            str(row["analyses"] or ""),
            *(
                f"{seconds(row['seconds'][who])}, {row['memory_mb'][who]:.0f} MB"
                for who in ("ours", "theirs")
            ),
            f"{row['ratio']:.1f}",
        ]
        for row in compared["rows"]
    ]
    return table(["", "analyses", "this", f"published {compared['version']}", "ratio"], rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned right."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(heads))]
    texts = [
        "| "
        + " | ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    ]
    rule = "|".join("-" * (w + 1) + (":" if c else "-") for c, w in enumerate(widths))
    return "\n".join([texts[0], f"|{rule}|", *texts[1:]])


def seconds(value: float) -> str:
    """Return a time as a cell."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
