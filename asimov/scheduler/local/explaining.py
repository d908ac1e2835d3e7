"""Why a job of the local queue is not running."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from asimov.scheduler.local.claims import Life, read_claim
from asimov.scheduler.local.observing import on_hold
from asimov.scheduler.local.spool import DAG, GONE, HELD, SERVICE, Spool
from asimov.scheduler.observations import Held
from asimov.system.processes import words

if TYPE_CHECKING:
    import sqlite3

_OPTION = "[local] processes"
#: How many held processes are told of one by one.
_TOLD = 5


def explain(db: sqlite3.Connection, spool: Spool, job: int, limit: int) -> list[str]:
    """Return lines for people; see `Scheduler.explain`.

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
    held = on_hold(db, [job]).get(job, [])
    lines += [_held(each) for each in held[:_TOLD]]
    if len(held) > _TOLD:
        lines.append(f"{len(held) - _TOLD} more are on hold")
    waits = row["idle"] or row["running"] or (row["kind"] == DAG and row["state"] != HELD)
    if waits:
        life, pid = _runner(spool)
        if life is Life.DEAD:
            lines.append(
                "the process that runs the local queue is not alive; `asimov monitor` starts it"
            )
        elif life is Life.ELSEWHERE:
            lines.append("the local queue is run by another machine; this one starts nothing")
        limit_now = _limit(pid) if life is Life.ALIVE else None
        lines += _processors(db, job, limit_now or limit)
        if limit_now not in (None, limit):
            lines.append(
                f"the local queue was started with {_OPTION} = {limit_now}; "
                f"{limit} holds when it is started again, once it is empty"
            )
    return lines


def _held(held: Held) -> str:
    what = f"node {held.node}" if held.node else f"process {held.process}"
    code = "" if held.code is None else f" (code {held.code})"
    return f"{what} is on hold{code}: {held.reason}"


def _runner(spool: Spool) -> tuple[Life, int]:
    with suppress(OSError):
        claim = read_claim(spool.runner)
        return claim.life, claim.pid
    return Life.DEAD, 0


def _limit(pid: int) -> int | None:
    """Return how many processors a runner gives to jobs, as its command line has it."""
    with suppress(ValueError, IndexError):
        command = words(pid)
        return int(command[command.index("asimov.scheduler.local.runner") + 2])
    return None


def _processors(db: sqlite3.Connection, job: int, limit: int) -> list[str]:
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
    wants = waiting["cpus"]
    who = f"node {waiting['node']}" if waiting["node"] else "it"
    lines = [f"{who} wants {_count(wants)}; {used:.0f} of {limit} ({_OPTION}) are in use"]
    if wants > limit:
        lines.append(f"that is more than there are: {who} runs when nothing else does")
    if before:
        lines.append(f"{before} {'waits' if before == 1 else 'wait'} before it in the queue")
    return lines


def _count(number: int) -> str:
    return f"{number} processor{'' if number == 1 else 's'}"
