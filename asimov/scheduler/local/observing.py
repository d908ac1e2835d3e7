"""What the local queue says of jobs: present, gone, and what of them is on hold."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asimov.scheduler.htcondor.log_follower import CLOCKS
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.local.spool import DAG, GONE, HELD, Spool
from asimov.scheduler.observations import (
    Gone,
    Held,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
)

if TYPE_CHECKING:
    import sqlite3

_OBSERVED = (
    "id, uid, kind, state, total, done, failed, idle, running, held, exit_code, signal, removed,"
    " submitted, ended, reason, code, held_at"
)


def observations(spool: Spool, tickets: Sequence[Ticket]) -> dict[str, Observation]:
    """Return what is known of each job, by `Ticket.uid`.

    Raises
    ------
    sqlite3.Error, OSError
        Where the queue can't be read.
    """
    asked = NotFound(("queue",))
    answers: dict[str, Observation] = {ticket.uid: asked for ticket in tickets}
    if not spool.exists():
        return answers
    with spool.connect(read_only=True) as db:
        db.execute("BEGIN")  # all of it as of one moment
        found = _rows(db, tickets)
        held = on_hold(db, {row["id"] for _, row in found if row["held"]})
        db.execute("ROLLBACK")
    for ticket, row in found:
        answers[ticket.uid] = _observation(row, held.get(row["id"], []))
    return answers


def _rows(db: sqlite3.Connection, tickets: Sequence[Ticket]) -> list[tuple[Ticket, sqlite3.Row]]:
    by_id: defaultdict[int, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        if ticket.job_id is not None:
            by_id[ticket.job_id].append(ticket)
    by_uid = {ticket.uid: ticket for ticket in tickets if ticket.job_id is None}
    # One parameter carries any number of values.
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(by_id)),),
    )
    rows = [(ticket, row) for row in found for ticket in by_id[row["id"]] if _is_its(row, ticket)]
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE uid IS NOT NULL AND dag IS NULL"
        " AND uid IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(by_uid)),),
    )
    return rows + [(by_uid[row["uid"]], row) for row in found]


def _is_its(row: sqlite3.Row, ticket: Ticket) -> bool:
    """Say whether a job of a ticket's number is the ticket's: a queue made anew counts from 1."""
    if row["uid"] is None:
        return bool(row["submitted"] > ticket.since - CLOCKS)
    return bool(row["uid"] == ticket.uid)


def on_hold(db: sqlite3.Connection, jobs: Iterable[int]) -> dict[int, list[Held]]:
    """Return the processes of jobs, and of the nodes of DAGs, that are on hold, by the job."""
    wanted = json.dumps(list(jobs))
    held: dict[int, list[Held]] = {}
    if wanted == "[]":
        return held
    # From what is held to the jobs asked for: mostly little is held.
    for row in db.execute(
        "SELECT coalesce(c.dag, c.id) AS job, c.node AS of_node, p.* FROM processes p"
        " JOIN clusters c ON c.id = p.cluster WHERE p.state = 'held'"
        " AND coalesce(c.dag, c.id) IN (SELECT value FROM json_each(?))"
        " ORDER BY p.cluster, p.proc",
        (wanted,),
    ):
        spec = json.loads(row["spec"])
        held.setdefault(row["job"], []).append(
            Held(
                row["cluster"],
                row["proc"],
                row["of_node"],
                row["code"],
                row["subcode"],
                row["reason"],
                row["held_at"],
                spec.get("memory_mb"),
                spec.get("disk_kb"),
                row["memory"] or None,
            )
        )
    return held


def _observation(row: sqlite3.Row, processes: list[Held]) -> Observation:
    progress = None
    if row["kind"] == DAG or row["total"] > 1:
        progress = Progress(
            total=row["total"],
            done=row["done"],
            failed=row["failed"],
            running=row["running"],
            idle=row["idle"],
            held=row["held"],
        )
    if row["state"] != GONE:
        held = row["state"] == HELD
        reason, code = (row["reason"], row["code"]) if held else (None, None)
        if held and row["kind"] == DAG:  # its own hold; it has no process of its own
            own = Held(row["id"], code=code, reason=reason, since=row["held_at"])
            processes = [own, *processes]
        return Present(row["id"], JobState(row["state"]), reason, code, progress, tuple(processes))
    return Gone(
        row["id"],
        row["exit_code"],
        "queue",
        ended_at=row["ended"],
        signal=row["signal"],
        removed=bool(row["removed"]),
        reason=row["reason"],
        progress=progress,
    )
