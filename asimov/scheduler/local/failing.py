"""What failed of a job or a DAG of the local queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.observations import Failure

if TYPE_CHECKING:
    import sqlite3

# Of processes that ended in one turn, those that failed come before those removed for it.
_FAILED = (
    "SELECT * FROM processes WHERE cluster = ? AND role = 'job' AND state = 'gone'"
    " AND exit_code IS NOT 0 ORDER BY ended, removed, proc"
)


def failures(db: sqlite3.Connection, job: int, paths: Paths) -> list[Failure]:
    """Return the processes and nodes that failed for good, the first failure first.

    Of a node it is the last try that counts.

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
    # A node that failed before its job was submitted has no time; it stands after the others.
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
        code = node["pre_return"] or 0  # of a script that a signal ended, the signal below 0
        return [Failure(None, name, max(code, 0) or None, max(-code, 0) or None, reason)]
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
