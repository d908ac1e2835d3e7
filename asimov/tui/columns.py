"""The columns of the live view: what each shows of an analysis, and how it sorts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asimov.engine.attention.in_short import why
from asimov.engine.attention.order import rank
from asimov.engine.status import Row
from asimov.system import clock

#: What `asimov.engine.status.rows` adds to the progress, which has a column of its own here.
_LEFT = re.compile(r" \(\d+[smhd] left\)$")


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes
    ----------
    title
        Its heading, which is also its name.
    text
        What it shows of an analysis.
    order
        What it sorts by.
    most
        Its greatest width.
    right
        Whether its text is on the right.
    """

    title: str
    text: Callable[[Row], str]
    order: Callable[[Row], Any]
    most: int = 12
    right: bool = False


def _attention(row: Row) -> tuple[Any, ...]:
    return rank(row.state), row.state, row.subject, row.name


def _seconds_since(time: str | None) -> float | None:
    if time is None:
        return None
    then = datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
    return max(0.0, clock.now() - then)


def _run_time(row: Row) -> float | None:
    return _seconds_since(row.started) if row.state == "running" else row.run_time


def _left(row: Row) -> float | None:
    return row.estimate if row.remaining is None else row.remaining


def _left_text(row: Row) -> str:
    # A guess by earlier runs is marked; what the job reports is not.
    return ("~" if row.remaining is None and row.estimate is not None else "") + _age(_left(row))


def _age(seconds: float | None) -> str:
    return "" if seconds is None else clock.age(seconds)


def _known(value: float | None, otherwise: float = float("inf")) -> float:
    return otherwise if value is None else value


def _progress(row: Row) -> str:
    return _LEFT.sub("", row.progress or "")


def _outdated(row: Row) -> str:
    return "; ".join(row.outdated) or ("in doubt" if row.in_doubt or row.remade else "")


def _pipeline(row: Row) -> str:
    return row.pipeline


def _job(row: Row) -> str:
    return "" if row.job_id is None else str(row.job_id)


def _since(row: Row) -> float | None:
    return _seconds_since(row.since)


#: The columns from the left.
COLUMNS = [
    Column("analysis", lambda r: f"{r.subject}/{r.name}", lambda r: (r.subject, r.name), 40),
    Column("state", lambda r: r.state, _attention),
    Column("progress", _progress, lambda r: (-_known(r.fraction, -1.0), _progress(r)), 16),
    Column("ran", lambda r: _age(_run_time(r)), lambda r: -_known(_run_time(r), -1.0), 6, True),
    Column("left", _left_text, lambda r: _known(_left(r)), 6, True),
    Column("job", _job, lambda r: _known(r.job_id), 10, True),
    Column("outdated", _outdated, lambda r: (not _outdated(r), _outdated(r)), 16),
    Column("pipeline", _pipeline, _pipeline, 16),
    Column("since", lambda r: _age(_since(r)), lambda r: _known(_since(r)), 7, True),
    Column("waits for / why", why, why, 200),
]
#: Their titles in the order in which a narrow terminal loses them, the first lost first.
LOST_FIRST = [
    *("waits for / why", "since", "pipeline", "job", "left", "ran", "outdated", "progress"),
]
