"""What jobs of the local queue used, and how many wait."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from asimov.scheduler.observations import Usage

if TYPE_CHECKING:
    import sqlite3

# A retry of a node is a cluster of its own; processes are told apart by node and number.
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


def usage(db: sqlite3.Connection, jobs: Collection[int]) -> dict[int, Usage]:
    """Return what jobs used that have ended, in one query; see `Scheduler.usage`.

    A job that was removed before it ran has used nothing, in no process.
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


def queued(db: sqlite3.Connection) -> int:
    """Return how many processes of jobs and of nodes wait to run."""
    query = "SELECT count(*) FROM processes WHERE state = 'idle' AND role = 'job'"
    count: int = db.execute(query).fetchone()[0]
    return count
