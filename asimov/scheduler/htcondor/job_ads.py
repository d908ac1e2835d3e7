"""Translate the ClassAds of one cluster into an observation.

Source of the attributes: HTCondor's manual, "Job ClassAd Attributes", and what HTCondor 25
was seen to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from asimov.scheduler.htcondor import spooling
from asimov.scheduler.htcondor.classads import Ad
from asimov.scheduler.observations import (
    Gone,
    Held,
    Present,
    Progress,
    first_failure,
    overall_state,
)


class JobStatus(IntEnum):
    """The state of a job, by HTCondor's numbers."""

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
#: ``MemoryUsage`` is left out: in every ad it is an expression of ``ResidentSetSize``.
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
#: The attributes queried for jobs in the queue and for jobs in the history.
IN_QUEUE = [
    *(*IDENTITY, *_DAG, *_ENDING, *_HELD),
    *("JobStartDate", "JobStatus", "JobUniverse", spooling.ATTRIBUTE, "StageOutFinish"),
]
IN_HISTORY = [*IDENTITY, *_DAG, *_ENDING, "JobStartDate", "JobStatus"]

#: Excludes the nodes of DAGs.
TOP_LEVEL = "DAGManJobId =?= undefined"
#: DAGMan updates its job's ad about every two minutes; figures older than this are stale.
_FRESH_SECONDS = 600
#: HTCondor's number of the universe in which DAGMan runs, on the submit machine itself.
_SCHEDULER_UNIVERSE = 7
#: How long HTCondor may take to release a job whose input was handed over, in seconds.
_SPOOLING_SECONDS = 600


def dag_progress(ad: Ad) -> Progress | None:
    """Return the progress that DAGMan wrote into its own job's ad; None for any other job."""
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


def stated_processes(ads: Sequence[Ad]) -> int | None:
    """Return how many processes the ads say the cluster has; None where they don't say."""
    return max(
        (int(ad["TotalSubmitProcs"]) for ad in ads if "TotalSubmitProcs" in ad), default=None
    )


def held_processes(ads: Sequence[Ad]) -> tuple[Held, ...]:
    """Return the held ones among some jobs, which may be DAG nodes, the longest held first.

    Requests that are expressions are left out; HTCondor makes such where a job requests nothing.
    """
    held = (_held(ad) for ad in ads if ad["JobStatus"] == JobStatus.HELD)
    return tuple(sorted(held, key=lambda each: (each.since or 0, each.job_id, each.process)))


def _held(ad: Ad) -> Held:
    resident = _number(ad.get("ResidentSetSize"))  # in kB, as disk is; memory is requested in MB
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
    """Return the state of a cluster in the queue; None where all processes there have completed.

    Parameters
    ----------
    ads
        The cluster's processes in the queue; others may have left it.
    now
        The time, in seconds since the epoch.
    nodes
        The held nodes of the DAG that the cluster runs.
    """
    states = [ad["JobStatus"] for ad in ads]
    spooled = [ad for ad in ads if _lacks_input(ad)]
    young = [ad for ad in spooled if now - ad.get("EnteredCurrentStatus", 0) <= _SPOOLING_SECONDS]
    held = [ad for ad in ads if ad["JobStatus"] == JobStatus.HELD and ad not in young]
    idle = states.count(JobStatus.IDLE) + len(young)
    completed = states.count(JobStatus.COMPLETED)
    running = len(states) - len(held) - idle - completed  # including those leaving and suspended
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
    state = overall_state(idle=idle, running=running)
    reason = code = None
    if held:
        reason, code = held[0].get("HoldReason"), held[0].get("HoldReasonCode")
    elif JobStatus.REMOVED in states:
        leaving = next(ad for ad in ads if ad["JobStatus"] == JobStatus.REMOVED)
        reason = f"being removed: {leaving.get('RemoveReason', 'no reason given')}"
    elif young:
        reason = "its input is being spooled"
    every_held = held_processes([*held, *nodes])
    number = ads[0]["ClusterId"]
    # One that a pipeline spools by itself may still get its input.
    lacks_input = any(ad.get(spooling.ATTRIBUTE) for ad in spooled)
    # DAGMan itself may begin long before its first node does.
    runs_dag = ads[0].get("JobUniverse") == _SCHEDULER_UNIVERSE
    started = None if runs_dag else _started_at(ads)
    return Present(number, state, reason, code, progress, every_held, lacks_input, started)


def _lacks_input(ad: Ad) -> bool:
    held = ad["JobStatus"] == JobStatus.HELD
    return held and ad.get("HoldReasonCode") == spooling.LACKS_INPUT


def _code(ad: Ad) -> int | None:
    if ad["JobStatus"] == JobStatus.REMOVED or ad.get("ExitBySignal"):
        return None
    return ad.get("ExitCode")


def _has_output(ad: Ad) -> bool:
    return bool(ad.get(spooling.ATTRIBUTE)) and not ad.get("StageOutFinish")


def _ended_at(ad: Ad) -> float | None:
    # A removed job has a CompletionDate of 0.
    return ad.get("CompletionDate") or ad.get("EnteredCurrentStatus")


def _started_at(ads: Sequence[Ad]) -> float | None:
    return min((float(ad["JobStartDate"]) for ad in ads if ad.get("JobStartDate")), default=None)


def gone(ads: Sequence[Ad], evidence: str) -> Gone:
    """Return how a cluster ended, from the ads of all its processes."""
    ads = sorted(ads, key=lambda ad: ad["ProcId"])
    codes = [_code(ad) for ad in ads]
    removed = [ad for ad in ads if ad["JobStatus"] == JobStatus.REMOVED]
    signals = [ad["ExitSignal"] for ad in ads if ad.get("ExitBySignal") and "ExitSignal" in ad]
    progress = dag_progress(ads[0])
    if progress is None and len(ads) > 1:
        done = codes.count(0)
        progress = Progress(total=len(ads), done=done, failed=len(ads) - done)
    return Gone(
        job_id=ads[0]["ClusterId"],
        exit_code=first_failure(codes),
        evidence=evidence,
        ended_at=max((t for ad in ads if (t := _ended_at(ad)) is not None), default=None),
        signal=signals[0] if signals else None,
        removed=bool(removed),
        reason=ending_reason(removed[0].get("RemoveReason") if removed else None, progress),
        progress=progress,
        waiting=evidence == "queue" and any(_has_output(ad) for ad in ads),
        started_at=_started_at(ads),
    )


def ending_reason(removal: str | None, progress: Progress | None) -> str | None:
    """Return in one line why a job ended as it did; None where nothing is to be explained."""
    if removal:
        return removal
    if progress and progress.failed:
        return f"{progress.failed} of {progress.total} failed"
    return None
