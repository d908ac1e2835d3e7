"""List every job of a project that HTCondor knows, in the queue and in the history.

For a project that has lost its own records. The whole history is searched; how far it reaches back
is the site's configuration (``MAX_HISTORY_LOG``, ``MAX_HISTORY_ROTATIONS``).
"""

from __future__ import annotations

from asimov.scheduler.htcondor.classads import Ad, quoted
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.job_ads import TOP_LEVEL
from asimov.scheduler.jobs import Listed, Tag

_WANTED = ["AsimovProject", "AsimovAnalysis", "AsimovUID", "ClusterId", "QDate", "JobStatus"]


def jobs_of_project(connection: Connection, project: str) -> list[Listed]:
    """Return the jobs that carry a project's tag, the oldest first.

    Parameters
    ----------
    connection
        The schedd.
    project
        The project's identity.

    Raises
    ------
    SchedulerUnreachableError
        Where the schedd can't be asked.
    """
    constraint = f"AsimovProject =?= {quoted(project)} && {TOP_LEVEL}"
    found: dict[tuple[str, int], Listed] = {}
    # The queue first: a job that leaves it meanwhile is in the history by then.
    for ad in connection.queue(constraint, _WANTED):
        _take(found, ad)
    for ad in connection.history(constraint, _WANTED, since=None):
        _take(found, ad)
    return sorted(found.values(), key=lambda job: (job.since, job.job_id))


def _take(found: dict[tuple[str, int], Listed], ad: Ad) -> None:
    if not {"AsimovAnalysis", "AsimovUID"} <= ad.keys():
        return
    tag = Tag.from_attributes(ad)
    job = Listed(tag, int(ad["ClusterId"]), float(ad.get("QDate", 0)))
    found.setdefault((tag.uid, job.job_id), job)
