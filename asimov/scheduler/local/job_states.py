"""What the local queue knows about jobs: their state and holds, and why they wait.

What jobs that have ended used, and what failed in them, is in `ended_jobs`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from asimov.scheduler.jobs import CLOCK_SKEW, Listed, Tag, Ticket
from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.tables import DAG, GONE, HELD, SERVICE
from asimov.scheduler.observations import (
    Gone,
    Held,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
)
from asimov.system.processes import words

if TYPE_CHECKING:
    import sqlite3

_OBSERVED = (
    "id, uid, kind, state, total, done, failed, idle, running, held, exit_code, signal, removed,"
    " submitted, started, ended, reason, code, held_at"
)
_OPTION = "[local] processes"
#: How many held processes are explained one by one.
_EXPLAINED = 5


def observations(spool: Spool, tickets: Sequence[Ticket]) -> dict[str, Observation]:
    """Return the state of each job, by `Ticket.uid`.

    Raises
    ------
    sqlite3.Error, OSError
        Where the queue can't be read.
    """
    nowhere = NotFound(("queue",))
    answers: dict[str, Observation] = {ticket.uid: nowhere for ticket in tickets}
    if not spool.exists():
        return answers
    with spool.connect(read_only=True) as db:
        db.execute("BEGIN")  # one consistent view
        found = _clusters(db, tickets)
        held = held_processes(db, {row["id"] for _, row in found if row["held"]})
        db.execute("ROLLBACK")
    for ticket, row in found:
        answers[ticket.uid] = _observation(row, held.get(row["id"], []))
    return answers


def _clusters(
    db: sqlite3.Connection, tickets: Sequence[Ticket]
) -> list[tuple[Ticket, sqlite3.Row]]:
    by_id: defaultdict[int, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        if ticket.job_id is not None:
            by_id[ticket.job_id].append(ticket)
    by_uid = {ticket.uid: ticket for ticket in tickets if ticket.job_id is None}
    # A JSON list passes any number of values as one parameter.
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(by_id)),),
    )
    rows = [(ticket, row) for row in found for ticket in by_id[row["id"]] if _belongs(row, ticket)]
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE uid IS NOT NULL AND dag IS NULL"
        " AND uid IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(by_uid)),),
    )
    return rows + [(by_uid[row["uid"]], row) for row in found]


def _belongs(row: sqlite3.Row, ticket: Ticket) -> bool:
    """Return whether a job with a ticket's number is the ticket's: a new queue counts from 1."""
    if row["uid"] is None:
        return bool(row["submitted"] > ticket.since - CLOCK_SKEW)
    return bool(row["uid"] == ticket.uid)


def held_processes(db: sqlite3.Connection, jobs: Iterable[int]) -> dict[int, list[Held]]:
    """Return the held processes of jobs, and of the nodes of DAGs, by the job's number."""
    wanted = json.dumps(list(jobs))
    held: dict[int, list[Held]] = {}
    if wanted == "[]":
        return held
    # Start from the held processes, which are few, and look up their jobs.
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
        if held and row["kind"] == DAG:  # the DAG itself is held, and has no process of its own
            own = Held(row["id"], code=code, reason=reason, since=row["held_at"])
            processes = [own, *processes]
        state, started = JobState(row["state"]), row["started"]
        return Present(row["id"], state, reason, code, progress, tuple(processes), started=started)
    return Gone(
        row["id"],
        row["exit_code"],
        "queue",
        ended_at=row["ended"],
        signal=row["signal"],
        removed=bool(row["removed"]),
        reason=row["reason"],
        progress=progress,
        started_at=row["started"],
    )


def jobs_of_project(db: sqlite3.Connection) -> list[Listed]:
    """Return every job that carries a tag, ended ones too, the oldest first.

    The queue is the project's own.
    """
    query = "SELECT id, tags, submitted FROM clusters WHERE uid IS NOT NULL AND dag IS NULL"
    return [
        Listed(Tag.from_attributes(json.loads(row["tags"])), row["id"], row["submitted"])
        for row in db.execute(f"{query} ORDER BY id")
    ]


def queued(db: sqlite3.Connection) -> int:
    """Return how many processes of jobs and of nodes wait to run."""
    query = "SELECT count(*) FROM processes WHERE state = 'idle' AND role = 'job'"
    count: int = db.execute(query).fetchone()[0]
    return count


# --- why a job is not running


def explain(db: sqlite3.Connection, spool: Spool, job: int, limit: int) -> list[str]:
    """Explain in lines for people why a job is not running; see `Scheduler.explain`.

    Parameters
    ----------
    db, spool
        The queue.
    job
        The cluster.
    limit
        How many processors the configuration gives to jobs.
    """
    row = db.execute("SELECT * FROM clusters WHERE id = ?", (job,)).fetchone()
    if row is None or row["state"] == GONE:
        return []
    lines = []
    if row["kind"] == DAG and row["state"] == HELD:
        lines.append(f"the DAG is on hold and starts no more nodes: {row['reason']}")
    held = held_processes(db, [job]).get(job, [])
    lines += [_held_line(each) for each in held[:_EXPLAINED]]
    if len(held) > _EXPLAINED:
        lines.append(f"{len(held) - _EXPLAINED} more are on hold")
    waits = row["idle"] or row["running"] or (row["kind"] == DAG and row["state"] != HELD)
    if waits:
        life, pid = _runner(spool)
        if life is Life.DEAD:
            lines.append(
                "the process that runs the local queue has died; `asimov monitor` starts it"
            )
        elif life is Life.ELSEWHERE:
            lines.append("another machine runs the local queue; this one starts nothing")
        limit_now = _runner_limit(pid) if life is Life.ALIVE else None
        lines += _processor_lines(db, job, limit_now or limit)
        if limit_now not in (None, limit):
            lines.append(
                f"the local queue was started with {_OPTION} = {limit_now}; "
                f"{limit} applies when it is started again, once it is empty"
            )
    return lines


def _held_line(held: Held) -> str:
    what = f"node {held.node}" if held.node else f"process {held.process}"
    code = "" if held.code is None else f" (code {held.code})"
    return f"{what} is on hold{code}: {held.reason}"


def _runner(spool: Spool) -> tuple[Life, int]:
    with suppress(OSError):
        claim = read_claim(spool.runner)
        return claim.life, claim.pid
    return Life.DEAD, 0


def _runner_limit(pid: int) -> int | None:
    """Return how many processors a runner gives to jobs, from its command line."""
    with suppress(ValueError, IndexError):
        command = words(pid)
        return int(command[command.index("asimov.scheduler.local.runner") + 2])
    return None


def _processor_lines(db: sqlite3.Connection, job: int, limit: int) -> list[str]:
    waiting = db.execute(
        "SELECT p.id, p.priority, p.cpus, c.node FROM clusters c JOIN processes p"
        " ON p.cluster = c.id WHERE (c.id = ? OR c.id IN (SELECT id FROM clusters WHERE dag = ?))"
        " AND p.state = 'idle' AND p.role != 'service' ORDER BY p.priority DESC, p.id LIMIT 1",
        (job, job),
    ).fetchone()
    if waiting is None:
        return []
    used = db.execute(
        "SELECT total(min(cpus, ?)) FROM processes WHERE state = 'running' AND role != ?",
        (limit, SERVICE),
    ).fetchone()[0]
    before = db.execute(
        "SELECT count(*) FROM processes WHERE state = 'idle' AND role != 'service'"
        " AND (priority > ? OR priority = ? AND id < ?)",
        (waiting["priority"], waiting["priority"], waiting["id"]),
    ).fetchone()[0]
    wanted = waiting["cpus"]
    who = f"node {waiting['node']}" if waiting["node"] else "it"
    plural = "" if wanted == 1 else "s"
    lines = [
        f"{who} needs {wanted} processor{plural}; {used:.0f} of {limit} ({_OPTION}) are in use"
    ]
    if wanted > limit:
        lines.append(f"that is more than the limit: {who} runs when nothing else does")
    if before:
        lines.append(f"{before} {'waits' if before == 1 else 'wait'} ahead of it in the queue")
    return lines
