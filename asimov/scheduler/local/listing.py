"""Every job of a project that the local queue has, those that have ended among them."""

from __future__ import annotations

import json

from asimov.scheduler.jobs import Listed, Tag
from asimov.scheduler.local.spool import Spool


def jobs_of_project(spool: Spool) -> list[Listed]:
    """Return the jobs that carry a tag, the oldest first; the queue is the project's own.

    Raises
    ------
    SchedulerError
        Where the queue can't be read.
    """
    if not spool.exists():
        return []
    with spool.reading() as db:
        rows = db.execute(
            "SELECT id, tags, submitted FROM clusters WHERE uid IS NOT NULL AND dag IS NULL"
            " ORDER BY id"
        ).fetchall()
    found = []
    for row in rows:
        tags = json.loads(row["tags"])
        tag = Tag(tags["AsimovProject"], tags["AsimovAnalysis"], tags["AsimovUID"])
        found.append(Listed(tag, row["id"], row["submitted"]))
    return found
