"""The table of ``asimov status``, and as much of it as fits a screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from asimov import text
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say
from asimov.engine.status import Row, by_urgency, totals
from asimov.states import STATES
from asimov.system import clock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_HEADINGS = (
    *("analysis", "pipeline", "state", "job", "progress", "run time", "left", "for"),
    "waits for / why",
)
#: What a narrow terminal leaves out first.
SPARE = ("pipeline", "job", "for", "left", "run time", "progress")

#: The most things that an analysis waits for to show; ``--json`` lists them all.
_SHOWN = 3
_LEFT = "left: ~ estimated from similar earlier runs; ? if there are none"


def show(found: Sequence[Row]) -> None:
    """Print totals and a table of analyses, what needs a person first."""
    say(total_line(found))
    headings, cells = columns(by_urgency(found))
    table.show(headings, cells, SPARE)
    if note := note_on(cells, headings):
        say(note)


def total_line(found: Sequence[Row]) -> str:
    """Return how many analyses there are in each state, as a line."""
    count = "1 analysis" if len(found) == 1 else f"{len(found)} analyses"
    old = sum(bool(row.outdated) for row in found)
    more = f"; {old} out of date" if old else ""
    if pending := sum(row.pending_rerun is not None for row in found):
        more += f"; {pending} to run again if inputs change"
    return f"{count}: {', '.join(f'{n} {state}' for state, n in totals(found).items())}{more}"


def on_screen(found: Sequence[Row], last: Sequence[str], console: Console) -> RenderableType:
    """Return what fits the screen: totals, the most urgent analyses, and some last lines.

    Parameters
    ----------
    found
        All analyses.
    last
        Lines to show below, such as whether a monitor is alive.
    console
        The terminal.
    """
    from rich.console import Group
    from rich.text import Text

    width, lines = console.size.width, console.size.height
    ordered = by_urgency(found)
    headings, cells = columns(ordered[:lines])
    widths = table.fitted(headings, cells, width, SPARE)
    below = [line for line in (note_on(cells, headings), *last) if line]
    # Totals, how many more there are, and the cursor's line.
    left = lines - 3 - sum(-(-table.width(line) // width) for line in below)
    kept = -1  # the headings come first
    for row in [headings, *cells]:
        left -= max(
            len(Text(text.line(cell)).wrap(console, each, overflow="fold"))
            for cell, each in zip(row, widths, strict=True)
            if each
        )
        if left < 0:
            break
        kept += 1
    kept = max(kept, 0)
    if more := len(found) - kept:
        below.insert(0, f"and {more} more")
    return Group(
        Text(total_line(found), overflow="ellipsis", no_wrap=True),
        table.drawn(headings, cells[:kept], widths),
        *(Text(text.line(line)) for line in below),
    )


def columns(found: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of the columns that are not empty."""
    cells = [_cells(row) for row in found]
    kept = [i for i in range(len(_HEADINGS)) if any(row[i] for row in cells)]
    return [_HEADINGS[i] for i in kept], [[row[i] for i in kept] for row in cells]


def note_on(cells: Sequence[Sequence[str]], headings: Sequence[str]) -> str:
    """Return a line that explains the signs in the column of remaining times, if there are any."""
    if "left" not in headings:
        return ""
    place = headings.index("left")
    return _LEFT if any(row[place][:1] in {"~", "?"} for row in cells) else ""


def _cells(row: Row) -> list[str]:
    job = str(row.job_id) if row.job_id is not None else ""
    if row.job_state and row.job_state not in {"running", row.state}:
        job += f" {row.job_state}"
    why = text.joined(*row.waiting_for[:_SHOWN])
    if len(row.waiting_for) > _SHOWN:
        why += f" and {len(row.waiting_for) - _SHOWN} more"
    if not why and row.status == "stuck":
        why = row.reason or ""
    why = text.joined(*([why] if why else []), *outdated_lines(row))
    return [
        f"{row.subject}/{row.name}",
        row.pipeline,
        row.state,
        job,
        row.progress or "",
        "" if row.run_time is None else duration(row.run_time),
        _left(row),
        _time_in_state(row),
        why,
    ]


def outdated_lines(row: Row) -> list[str]:
    """Return why an analysis is out of date, or which of its inputs is, as at most a line."""
    if row.outdated and not row.pending_rerun:
        return [f"out of date: {text.listed(row.outdated, _SHOWN)}"]
    found = []
    if row.in_doubt:
        found.append(f"made from what is out of date: {text.listed(row.in_doubt, _SHOWN)}")
    elif row.remade:
        found.append(f"made from what is being made again: {text.listed(row.remade, _SHOWN)}")
    if asked := row.pending_rerun:
        found.append(
            f"to run again if its inputs change, requested by {asked['by']} at {asked['at']}"
        )
    return [text.joined(*found)] if found else []


def _left(row: Row) -> str:
    if row.run_time is None or not STATES[row.status].active or row.state in {"held", "lost"}:
        return ""
    if row.remaining is not None:
        return clock.age(row.remaining)
    if row.estimate is None:
        return "?"
    return f"~{clock.age(row.estimate)}" if row.estimate else "overdue"


def duration(seconds: float) -> str:
    """Format a duration in seconds as ``hours:minutes:seconds``."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}"


def _time_in_state(row: Row) -> str:
    if row.since is None:
        return ""
    since = datetime.fromisoformat(row.since.replace("Z", "+00:00")).timestamp()
    return clock.age(clock.now() - since)
