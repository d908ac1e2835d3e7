"""A cluster's row in the local queue's table: its processes by state, and how it ended.

The counts are updated with every change of a process, so that an observation reads one row for
each ticket, however large the cluster is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asimov.scheduler.local.process_spec import ProcessSpec
from asimov.scheduler.local.tables import GONE, HELD, HELD_AT_SUBMISSION, IDLE, RUNNING
from asimov.scheduler.observations import first_failure, overall_state

if TYPE_CHECKING:
    import sqlite3


def count_new(db: sqlite3.Connection, cluster: int, specs: Sequence[ProcessSpec]) -> None:
    """Count processes that were just added to a cluster, and to its DAG."""
    held = sum(spec.held for spec in specs)
    idle = len(specs) - held
    reason, code = HELD_AT_SUBMISSION if held else (None, None)
    db.execute(
        "UPDATE clusters SET state = ?, total = ?, idle = ?, held = ?, reason = ?, code = ?"
        " WHERE id = ?",
        (HELD if held and not idle else IDLE, len(specs), idle, held, reason, code, cluster),
    )
    db.execute(
        "UPDATE clusters SET idle = idle + ?, held = held + ?"
        " WHERE id = (SELECT dag FROM clusters WHERE id = ?)",
        (idle, held, cluster),
    )


def count_change(
    db: sqlite3.Connection, row: sqlite3.Row, state: str, columns: dict[str, object], now: float
) -> bool:
    """Count a process's change of state; return whether its cluster has ended.

    Parameters
    ----------
    db
        The queue's database.
    row
        The process before the change, joined with its cluster.
    state
        Its new state.
    columns
        The other columns of the process that change, such as its exit code.
    now
        The time, in seconds since the epoch.
    """
    old, cluster = row["state"], row["cluster"]
    ended = "done" if columns.get("exit_code") == 0 else "failed"
    new = ended if state == GONE else state
    changes = f"{old} = {old} - 1, {new} = {new} + 1" if old != new else f"{old} = {old}"
    held = ", reason = ?, code = ?" if state == HELD else ""
    values = (columns.get("reason"), columns.get("code")) if state == HELD else ()
    idle, running, on_hold = db.execute(
        f"UPDATE clusters SET {changes}, started = coalesce(started, ?){held}"
        " WHERE id = ? RETURNING idle, running, held",
        (now if state == RUNNING else None, *values, cluster),
    ).fetchone()
    if row["dag"]:
        _count_in_dag(db, row["dag"], old, None if state == GONE else new, now)
    if not (idle or running or on_hold):
        _end(db, cluster, now)
        return True
    overall = overall_state(idle=idle, running=running).value
    db.execute("UPDATE clusters SET state = ? WHERE id = ?", (overall, cluster))
    return False


def _count_in_dag(db: sqlite3.Connection, dag: int, old: str, new: str | None, now: float) -> None:
    """Count a node's process in its DAG's row, whose "done" and "failed" count nodes."""
    if old == new:
        return
    added = f", {new} = {new} + 1" if new else ""
    started = now if new == RUNNING else None
    db.execute(
        f"UPDATE clusters SET {old} = {old} - 1{added}, started = coalesce(started, ?)"
        " WHERE id = ?",
        (started, dag),
    )


def _end(db: sqlite3.Connection, cluster: int, now: float) -> None:
    """Record how a cluster ended, from how its processes did."""
    ends = db.execute(
        "SELECT exit_code, signal, removed, reason FROM processes WHERE cluster = ? ORDER BY proc",
        (cluster,),
    ).fetchall()
    removed = next((end for end in ends if end["removed"]), None)
    # Other processes keep a reason only where nothing shows how they ended.
    explained = removed or next((end for end in ends if end["reason"]), None)
    db.execute(
        "UPDATE clusters SET state = 'gone', exit_code = ?, signal = ?, removed = ?,"
        " reason = ?, ended = ? WHERE id = ?",
        (
            first_failure(end["exit_code"] for end in ends),
            next((end["signal"] for end in ends if end["signal"] is not None), None),
            int(removed is not None),
            explained["reason"] if explained else None,
            now,
            cluster,
        ),
    )
