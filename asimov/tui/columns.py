"""The columns of the live view: what each shows of an analysis, and how it sorts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asimov.engine.status import LOST, Row
from asimov.journal.keys import Key
from asimov.states import STATES
from asimov.system import clock

#: Shown states in the order in which they want attention; others follow by name.
ATTENTION = [
    *("stuck", LOST, "held", "unknown", "review", "manual", "wait", "stop", "restart", "running"),
    *("idle", "processing", "ready", "finished", "stopped", "cancelled", "uploaded"),
]
_RANKS = {state: rank for rank, state in enumerate(ATTENTION)}
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


def shown_state(row: Row) -> str:
    """Return the state as the view shows it: of a running analysis, that of its job."""
    if row.status == "stuck":
        return row.status
    if row.job_state == LOST:
        return LOST
    if row.status == "running" and row.job_state in {"idle", "held", "unknown"}:
        return row.job_state
    return row.status


def attention(state: str) -> tuple[int, str]:
    """Return what sorts shown states by how much they want attention."""
    return _RANKS.get(state, _RANKS["ready"]), state


def seconds_since(time: str | None) -> float | None:
    """Return the seconds since a time (ISO 8601, UTC)."""
    if time is None:
        return None
    then = datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
    return max(0.0, clock.now() - then)


def _running(row: Row) -> float | None:
    runs = row.job_state == "running" and row.status != "stuck"
    return seconds_since(row.job_since) if runs else None


def _age(seconds: float | None) -> str:
    return "" if seconds is None else clock.age(seconds)


def _known(value: float | None, otherwise: float = float("inf")) -> float:
    return otherwise if value is None else value


def _why(row: Row) -> str:
    if row.waiting_for:
        return "; ".join(row.waiting_for)
    unwell = row.status in STATES and STATES[row.status].blocks
    return (row.reason or "") if unwell else ""


def _progress(row: Row) -> str:
    return _LEFT.sub("", row.progress or "")


def _pipeline(row: Row) -> str:
    return row.pipeline


def _job(row: Row) -> str:
    return "" if row.job_id is None else str(row.job_id)


def columns(outdated: Mapping[Key, str]) -> list[Column]:
    """Return the columns from the left.

    Parameters
    ----------
    outdated
        Why analyses are out of date, in a word or a few; it may change later.
    """

    def stale(row: Row) -> str:
        return outdated.get(Key(row.subject, row.name), "")

    def since(row: Row) -> float | None:
        return seconds_since(row.since)

    return [
        Column("analysis", lambda r: f"{r.subject}/{r.name}", lambda r: (r.subject, r.name), 40),
        Column("state", shown_state, lambda r: (attention(shown_state(r)), r.subject, r.name)),
        Column("progress", _progress, lambda r: (-_known(r.fraction, -1.0), _progress(r)), 16),
        Column(
            "running", lambda r: _age(_running(r)), lambda r: -_known(_running(r), -1.0), 8, True
        ),
        Column("left", lambda r: _age(r.remaining), lambda r: _known(r.remaining), 5, True),
        Column("job", _job, lambda r: _known(r.job_id), 10, True),
        Column("outdated", stale, lambda r: (not stale(r), stale(r)), 16),
        Column("pipeline", _pipeline, _pipeline, 16),
        Column("since", lambda r: _age(since(r)), lambda r: _known(since(r)), 6, True),
        Column("waits for / why", _why, _why, 200),
    ]


#: Their titles in the order in which a narrow terminal loses them, the first lost first.
LOST_FIRST = [
    *("waits for / why", "since", "pipeline", "job", "left", "running", "outdated", "progress"),
]
