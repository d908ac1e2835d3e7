"""What ended jobs used, from the history."""

from __future__ import annotations

from asimov.scheduler.contract import Usage
from asimov.scheduler.htcondor.connection import Ad, Connection

_DAGMAN = "DAG_NodesTotal"
_WANTED = [
    "ClusterId",
    "QDate",
    "RemoteSysCpu",
    "RemoteUserCpu",
    "RemoteWallClockTime",
    "ResidentSetSize",
    _DAGMAN,
]


def usage(connection: Connection, job_id: int) -> Usage | None:
    """Return what a job used; of a DAG, and of the DAGs in it, what the nodes used.

    Parameters
    ----------
    connection
        The schedd.
    job_id
        The cluster, one that has left the queue.

    Raises
    ------
    SchedulerUnreachableError
        Where the schedd can't be asked.
    """
    # One record first, to learn how far back the others may be.
    first = connection.history(f"ClusterId == {job_id}", _WANTED, None, most=1)
    if not first:
        return None
    since = first[0].get("QDate")
    if _DAGMAN not in first[0]:
        return _sum(connection.history(f"ClusterId == {job_id}", _WANTED, since))
    nodes: list[Ad] = []
    dags = [job_id]
    while dags:
        below = " || ".join(f"DAGManJobId == {dag}" for dag in dags)
        found = connection.history(below, _WANTED, since)
        dags = [ad["ClusterId"] for ad in found if _DAGMAN in ad]
        nodes += [ad for ad in found if _DAGMAN not in ad]
    return _sum(nodes)


def _sum(ads: list[Ad]) -> Usage:
    cpu = [
        ad.get("RemoteUserCpu", 0.0) + ad.get("RemoteSysCpu", 0.0)
        for ad in ads
        if "RemoteUserCpu" in ad
    ]
    # In kB.
    resident = [ad["ResidentSetSize"] / 1024 for ad in ads if "ResidentSetSize" in ad]
    return Usage(
        wall_seconds=float(sum(ad.get("RemoteWallClockTime", 0.0) for ad in ads)),
        cpu_seconds=float(sum(cpu)) if cpu else None,
        memory_mb=max(resident, default=None),
        processes=len(ads),
    )
