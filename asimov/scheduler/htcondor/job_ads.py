"""What the ClassAds of one cluster say of it.

Source of the attributes: HTCondor's manual, "Job ClassAd Attributes", and what HTCondor 25 was
seen to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from asimov.scheduler.htcondor.connection import Ad
from asimov.scheduler.observations import Gone, Held, JobState, Present, Progress


class JobStatus(IntEnum):
    """HTCondor's numbers of the states of a job."""

    IDLE = 1
    RUNNING = 2
    REMOVED = 3
    COMPLETED = 4
    HELD = 5
    TRANSFERRING_OUTPUT = 6
    SUSPENDED = 7


IDENTITY = ["AsimovUID", "ClusterId", "ProcId", "QDate", "TotalSubmitProcs"]
_DAG = [
    "DAG_AdUpdateTime",
    "DAG_JobsHeld",
    "DAG_JobsIdle",
    "DAG_JobsRunning",
    "DAG_NodesDone",
    "DAG_NodesFailed",
    "DAG_NodesTotal",
]
_ENDING = [
    "CompletionDate",
    "EnteredCurrentStatus",
    "ExitBySignal",
    "ExitCode",
    "ExitSignal",
    "RemoveReason",
]
#: ``MemoryUsage`` is an expression of ``ResidentSetSize`` in every ad, which would only cost time.
_HELD = [
    "DAGManJobId",
    "DAGNodeName",
    "DiskUsage",
    "HoldReason",
    "HoldReasonCode",
    "HoldReasonSubCode",
    "RequestDisk",
    "RequestMemory",
    "ResidentSetSize",
]
#: What is asked of jobs in the queue and of those in the history.
IN_QUEUE = [*IDENTITY, *_DAG, *_ENDING, *_HELD, "JobStatus"]
IN_HISTORY = [*IDENTITY, *_DAG, *_ENDING, "JobStatus"]

#: DAGMan updates its job's ad every two minutes or so; older figures than this are stale.
_FRESH_SECONDS = 600


def dag_progress(ad: Ad) -> Progress | None:
    """Return what DAGMan wrote into its own job's ad; None for any other job."""
    if "DAG_NodesTotal" not in ad:
        return None
    return Progress(
        total=ad["DAG_NodesTotal"],
        done=ad.get("DAG_NodesDone", 0),
        failed=ad.get("DAG_NodesFailed", 0),
        running=ad.get("DAG_JobsRunning", 0),
        idle=ad.get("DAG_JobsIdle", 0),
        held=ad.get("DAG_JobsHeld", 0),
    )


def processes(ads: Sequence[Ad]) -> int:
    """Return how many processes the cluster was submitted with."""
    return max([len(ads), *(int(ad.get("TotalSubmitProcs", 1)) for ad in ads)])


def told_processes(ads: Sequence[Ad]) -> int | None:
    """Return how many processes the cluster's ads say that there were; None where they don't."""
    return max(
        (int(ad["TotalSubmitProcs"]) for ad in ads if "TotalSubmitProcs" in ad), default=None
    )


def held_processes(ads: Sequence[Ad]) -> tuple[Held, ...]:
    """Return those of some jobs, nodes of a DAG or not, that are on hold, the first one first.

    Requests that are expressions, as HTCondor makes them where a job asks for nothing, are not
    known.
    """
    held = (_held(ad) for ad in ads if ad["JobStatus"] == JobStatus.HELD)
    return tuple(sorted(held, key=lambda each: (each.since or 0, each.job_id, each.process)))


def _held(ad: Ad) -> Held:
    resident = _number(ad.get("ResidentSetSize"))  # in kB, as disk is; memory is asked for in MB
    return Held(
        job_id=ad["ClusterId"],
        process=ad["ProcId"],
        node=ad.get("DAGNodeName"),
        code=ad.get("HoldReasonCode"),
        subcode=ad.get("HoldReasonSubCode"),
        reason=ad.get("HoldReason"),
        since=ad.get("EnteredCurrentStatus"),
        memory_mb=_number(ad.get("RequestMemory")),
        disk_kb=_number(ad.get("RequestDisk")),
        memory_used_mb=resident / 1024 if resident else None,
        disk_used_kb=_number(ad.get("DiskUsage")),
    )


def _number(value: object) -> float | None:
    return float(value) if type(value) in (int, float) else None  # type: ignore[arg-type]


def present(ads: Sequence[Ad], now: float, nodes: Sequence[Ad] = ()) -> Present | None:
    """Return the state of a cluster in the queue; None where all that is there has completed.

    Parameters
    ----------
    ads
        The cluster's jobs in the queue; processes that left it may be missing.
    now
        The time, in seconds since the epoch.
    nodes
        The nodes on hold of the DAG that the cluster runs.
    """
    states = [ad["JobStatus"] for ad in ads]
    held = [ad for ad in ads if ad["JobStatus"] == JobStatus.HELD]
    idle = states.count(JobStatus.IDLE)
    completed = states.count(JobStatus.COMPLETED)
    running = len(states) - len(held) - idle - completed  # leaving and suspended ones among them
    if completed == len(states):
        return None
    total = processes(ads)
    progress = None
    if total > 1:
        failed = sum(ad["JobStatus"] == JobStatus.COMPLETED and _code(ad) != 0 for ad in ads)
        done = total - len(ads) + completed - failed
        progress = Progress(total, done, failed, running, idle, len(held))
    elif now - ads[0].get("DAG_AdUpdateTime", now) <= _FRESH_SECONDS:
        progress = dag_progress(ads[0])
    state = JobState.RUNNING if running else JobState.IDLE if idle else JobState.HELD
    reason = code = None
    if held:
        reason, code = held[0].get("HoldReason"), held[0].get("HoldReasonCode")
    elif JobStatus.REMOVED in states:
        leaving = next(ad for ad in ads if ad["JobStatus"] == JobStatus.REMOVED)
        reason = f"being removed: {leaving.get('RemoveReason', 'no reason given')}"
    held_ones = held_processes([*held, *nodes])
    return Present(ads[0]["ClusterId"], state, reason, code, progress, held_ones)


def _code(ad: Ad) -> int | None:
    if ad["JobStatus"] == JobStatus.REMOVED or ad.get("ExitBySignal"):
        return None
    return ad.get("ExitCode")


def _ended_at(ad: Ad) -> float | None:
    # A job that was removed has a CompletionDate of 0.
    return ad.get("CompletionDate") or ad.get("EnteredCurrentStatus")


def gone(ads: Sequence[Ad], evidence: str) -> Gone:
    """Return how a cluster ended, by the ads of all its processes."""
    ads = sorted(ads, key=lambda ad: ad["ProcId"])
    codes = [_code(ad) for ad in ads]
    removed = [ad for ad in ads if ad["JobStatus"] == JobStatus.REMOVED]
    signals = [ad["ExitSignal"] for ad in ads if ad.get("ExitBySignal") and "ExitSignal" in ad]
    code = next((code for code in codes if code), None if None in codes else 0)
    progress = dag_progress(ads[0])
    if progress is None and len(ads) > 1:
        done = codes.count(0)
        progress = Progress(total=len(ads), done=done, failed=len(ads) - done)
    return Gone(
        job_id=ads[0]["ClusterId"],
        exit_code=code,
        evidence=evidence,
        ended_at=max((t for ad in ads if (t := _ended_at(ad)) is not None), default=None),
        signal=signals[0] if signals else None,
        removed=bool(removed),
        reason=ending_reason(removed[0].get("RemoveReason") if removed else None, progress),
        progress=progress,
    )


def ending_reason(removal: str | None, progress: Progress | None) -> str | None:
    """Return why a job ended as it did, in one line, where there is something to say."""
    if removal:
        return removal
    if progress and progress.failed:
        return f"{progress.failed} of {progress.total} failed"
    return None
