"""Find out where jobs run by their numbers: in the queue first, then in the history.

Source of the attributes: HTCondor's manual, "Job ClassAd Attributes". ``condor_submit_dag`` gives
DAGMan's job the current folder as ``Iwd`` and an event log beside the DAG file as ``UserLog``.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from asimov.scheduler.htcondor.classads import Ad
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.job_ads import TOP_LEVEL, JobStatus
from asimov.scheduler.htcondor.ticket_matching import joined
from asimov.scheduler.jobs import Whereabouts

_WANTED = ["ClusterId", "QDate", "JobStatus", "Iwd", "UserLog", "AsimovUID"]
_ENDED = {JobStatus.COMPLETED, JobStatus.REMOVED}


def whereabouts(connection: Connection, job_ids: Collection[int]) -> dict[int, Whereabouts]:
    """Return where jobs run, or ran, by number.

    Parameters
    ----------
    connection
        The schedd.
    job_ids
        The clusters.

    Raises
    ------
    SchedulerUnreachableError
        Where the schedd can't be asked.
    """
    found: dict[int, Whereabouts] = {}
    for constraint in joined(job_ids, "ClusterId == {}".format):
        for ad in connection.queue(f"({constraint}) && {TOP_LEVEL}", _WANTED):
            _take(found, ad, queued=ad.get("JobStatus") not in _ENDED)
    left = [job_id for job_id in job_ids if job_id not in found]
    for constraint in joined(left, "ClusterId == {}".format):
        for ad in connection.history(f"({constraint}) && {TOP_LEVEL}", _WANTED, since=None):
            _take(found, ad, queued=False)
    return found


def _take(found: dict[int, Whereabouts], ad: Ad, *, queued: bool) -> None:
    folder, log = str(ad.get("Iwd", "")), str(ad.get("UserLog", ""))
    logs = (os.path.join(folder, log),) if log else ()  # noqa: PTH118  (HTCondor's own joining)
    folders = tuple(dict.fromkeys([*filter(None, [folder]), *map(os.path.dirname, logs)]))
    number = int(ad["ClusterId"])
    job = Whereabouts(
        number, float(ad.get("QDate", 0)), folders, logs, queued, tagged="AsimovUID" in ad
    )
    # The history may have an older job of this number, from before the schedd was reinstalled.
    if number not in found or job.since > found[number].since:
        found[number] = job
