"""What jobs of the local queue used, and what failed in them."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from asimov.scheduler.local.endings import exit_code_and_signal
from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.observations import Failure, Usage

if TYPE_CHECKING:
    import sqlite3

# Of processes that ended in one turn, the failed ones come before those removed because of them.
_FAILED = (
    "SELECT * FROM processes WHERE cluster = ? AND role = 'job' AND state = 'gone'"
    " AND exit_code IS NOT 0 ORDER BY ended, removed, proc"
)
# A retry of a node is a cluster of its own; a process is identified by node and number.
_USED = """
WITH jobs(id) AS (
    SELECT id FROM clusters WHERE id IN (SELECT value FROM json_each(?))
    AND state = 'gone' AND kind != 'service'),
parts(job, cluster, node) AS (
    SELECT id, id, '' FROM jobs
    UNION ALL SELECT jobs.id, c.id, c.node FROM jobs JOIN clusters c ON c.dag = jobs.id)
SELECT parts.job, total(p.wall) AS wall, sum(p.cpu) AS cpu, max(p.memory) AS memory,
    count(p.id) AS processes, max(json_extract(p.spec, '$.memory_mb')) AS requested,
    sum(p.cpus) AS slots,
    coalesce(sum(p.runs), 0) - count(DISTINCT parts.node || ' ' || p.proc) AS restarts
FROM parts LEFT JOIN processes p ON p.cluster = parts.cluster AND p.role = 'job' AND p.runs > 0
GROUP BY parts.job
"""


def failures(db: sqlite3.Connection, job: int, paths: Paths) -> list[Failure]:
    """Return the processes and nodes that failed for good, the first failure first.

    Only the last try of a node counts.

    Parameters
    ----------
    db
        The queue's database.
    job
        The cluster.
    paths
        How stored paths are read.
    """
    query = "SELECT kind, node, reason FROM clusters WHERE id = ?"
    cluster = db.execute(query, (job,)).fetchone()
    if cluster is None:
        return []
    if cluster["kind"] != "dag":
        return [_failure(row, cluster["node"], None, paths) for row in db.execute(_FAILED, (job,))]
    # A node that failed before its job was submitted has no time; it comes after the others.
    nodes = db.execute(
        "SELECT n.* FROM nodes n LEFT JOIN clusters c ON c.id = n.cluster"
        " WHERE n.dag = ? AND n.state = 'failed' ORDER BY c.ended IS NULL, c.ended, c.id, n.name",
        (job,),
    ).fetchall()
    return [each for node in nodes for each in _of_node(db, node, cluster["reason"], paths)]


def _of_node(
    db: sqlite3.Connection, node: sqlite3.Row, of_dag: str | None, paths: Paths
) -> list[Failure]:
    name, reason, cluster = node["name"], node["reason"], node["cluster"]
    if cluster is None and reason is None:  # the DAG was removed while the PRE script ran
        return [Failure(None, name, reason=of_dag)]
    if cluster is None:
        code, signal = exit_code_and_signal(node["pre_return"] or 0)
        return [Failure(None, name, code or None, signal, reason)]
    rows = db.execute(_FAILED, (cluster,)).fetchall()
    if not rows:  # the job succeeded, and its POST script did not
        query = "SELECT * FROM processes WHERE cluster = ? AND role = 'job' ORDER BY proc LIMIT 1"
        rows = db.execute(query, (cluster,)).fetchall()
    return [_failure(row, name, reason, paths) for row in rows]


def _failure(row: sqlite3.Row, node: str | None, reason: str | None, paths: Paths) -> Failure:
    spec = json.loads(row["spec"])
    return Failure(
        row["cluster"],
        node,
        row["exit_code"],
        row["signal"],
        reason or row["reason"],
        str(paths.load(spec["error"])),
        str(paths.load(spec["output"])),
    )


def usage(db: sqlite3.Connection, jobs: Collection[int]) -> dict[int, Usage]:
    """Return what ended jobs used, in one query; see `Scheduler.usage`.

    A job that was removed before it ran used nothing, in no process.

    Parameters
    ----------
    db
        The queue's database.
    jobs
        The clusters.
    """
    found = db.execute(_USED, (json.dumps(list(jobs)),))
    return {
        row["job"]: Usage(
            wall_seconds=row["wall"],
            cpu_seconds=row["cpu"],
            memory_mb=row["memory"] or None,
            processes=row["processes"],
            memory_requested_mb=row["requested"],
            slots=row["slots"],
            restarts=row["restarts"],
        )
        for row in found
    }
