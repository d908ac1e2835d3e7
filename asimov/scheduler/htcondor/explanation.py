"""Explain in lines for people why a job in the queue is not running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor.bindings import bindings
from asimov.scheduler.htcondor.classads import quoted
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.job_ads import JobStatus
from asimov.scheduler.htcondor.matchmaking import alike, has_room, mismatches, refusing, slots
from asimov.system import clock

_SCHEDULER_UNIVERSE = 7
_LOCAL_UNIVERSE = 12
_LIMIT = "MAX_RUNNING_SCHEDULER_JOBS_PER_OWNER"
#: HTCondor's default for it.
_DEFAULT_LIMIT = 200
#: What is asked about a job whose shadow tries to find its machine again.
_OUT_OF_REACH = [
    "ClusterId", "DAGNodeName", "JobLeaseDuration", "LastJobLeaseRenewal", "ProcId", "RemoteHost",
]  # fmt: skip
#: How many of a cluster's processes, or a DAG's nodes, are explained.
_FEW = 3
#: The most jobs ahead of this one that are counted.
_AHEAD = 1000


def explain(connection: Connection, job_id: int) -> list[str]:
    """Explain why a job, or the nodes of a DAG in the queue, are idle or held.

    Parameters
    ----------
    connection
        The schedd.
    job_id
        The cluster.

    Returns
    -------
    list
        Lines; none where it runs, unless its machine can't be reached. A question that can't be
        answered gives a line too.
    """
    try:
        own = f"ClusterId == {job_id}"
        states = [ad["JobStatus"] for ad in connection.queue(own, ["JobStatus"])]
        if not states:
            return [f"job {job_id} is not in the queue of {connection}"]
        lines = list(_waiting(connection, own))
        below = f"DAGManJobId == {job_id}"
        lines += _waiting(connection, below)
        # DAGs within it, one level down.
        inner = f"{below} && JobUniverse == {_SCHEDULER_UNIVERSE}"
        for ad in connection.queue(inner, ["ClusterId"])[:_FEW]:
            lines += _waiting(connection, f"DAGManJobId == {ad['ClusterId']}")
    except SchedulerError as error:
        return [error.message]
    return lines


def _waiting(connection: Connection, constraint: str) -> Iterator[str]:
    """Yield lines about the first jobs that match and are out of reach, held or idle."""
    running = f"({constraint}) && JobStatus == {int(JobStatus.RUNNING)}"
    running += " && JobCurrentReconnectAttempt > 0"
    for ad in connection.queue(running, _OUT_OF_REACH)[:_FEW]:
        yield f"{_name(ad)}: {_out_of_reach(ad)}"
    for state in (JobStatus.HELD, JobStatus.IDLE):
        some = f"({constraint}) && JobStatus == {int(state)}"
        ads = connection.ads(some, _FEW + 1)
        seen: set[object] = set()
        for ad in ads[:_FEW]:
            is_held = state is JobStatus.HELD
            kind = _held(ad) if is_held else alike(ad)
            if kind in seen:
                continue  # such as the processes of one cluster
            seen.add(kind)
            lines = [_held(ad)] if is_held else _idle(connection, ad)
            yield from (f"{_name(ad)}: {line}" for line in lines)
        if len(ads) > _FEW:
            yield f"more than {_FEW} are {state.name.lower()}"


def _out_of_reach(ad: Any) -> str:
    machine = ad.get("RemoteHost", "its machine")
    text = f"HTCondor lost contact with {machine}, where it may still be running"
    if "LastJobLeaseRenewal" not in ad or "JobLeaseDuration" not in ad:
        return f"{text}, and tries again"
    left = ad["LastJobLeaseRenewal"] + ad["JobLeaseDuration"] - time.time()
    return (
        f"{text}; it tries for {clock.age(left)} to find it there, and then starts it again "
        "('job lease duration' under 'scheduler' shortens that for jobs yet to be submitted)"
    )


def _name(ad: Any) -> str:
    job = f"job {ad['ClusterId']}.{ad['ProcId']}"
    node = ad.get("DAGNodeName")
    return f"node {node} ({job})" if isinstance(node, str) else job


def _held(ad: Any) -> str:
    code, subcode = ad.get("HoldReasonCode"), ad.get("HoldReasonSubCode")
    number = f"code {code}, subcode {subcode}" if subcode else f"code {code}"
    reason = " ".join(str(ad.get("HoldReason", "no reason given")).split())
    return f"held ({number}): {reason}"


def _idle(connection: Connection, job: Any) -> list[str]:
    if job.get("JobUniverse") == _SCHEDULER_UNIVERSE:
        return _idle_dag(connection, job)
    if job.get("JobUniverse") == _LOCAL_UNIVERSE:
        return ["it runs on the schedd's own machine, and should start within a minute"]
    lines: list[str] = []
    try:
        lines += _against_slots(connection, job)
    except SchedulerError as error:
        lines.append(f"the slots can't be queried: {error.message}")
    word = job.get("LastRejMatchReason")
    if isinstance(word, str):
        ago = max(time.time() - float(job.get("LastRejMatchTime", time.time())), 0)
        lines.append(f"the negotiator's last message, {ago:.0f} s ago: {word.strip()}")
    ahead = _jobs_ahead(connection, job)
    if ahead:
        more = "at least " if ahead > _AHEAD else ""
        lines.append(f"{more}{ahead} idle jobs of the same user are ahead of it")
    return lines


def _against_slots(connection: Connection, job: Any) -> list[str]:
    pool = slots(connection, job)
    if not pool:
        return ["the pool has no slots"]
    good, lines = mismatches(job, pool)
    lines.append(f"{len(good)} of {len(pool)} slots match its requests and requirements")
    if not good:
        return lines
    refused, asked = refusing(connection, job, good)
    if refused:
        lines.append(f"{refused} of {asked} of these refuse it by their own condition (START)")
    free = sum(has_room(job, slot) for slot in good)
    lines.append(f"{free} of these have room now" if free else "all of these are busy now")
    if not free:
        lines += _priority(connection, job)
    return lines


def _priority(connection: Connection, job: Any) -> list[str]:
    htcondor2 = bindings()
    user = str(job.get("AccountingGroup") or job.get("User") or "")
    ads = connection.ask_collector(
        lambda collector: collector.query(
            htcondor2.AdType.Accounting,
            f"Name == {quoted(user)}",
            ["Priority", "WeightedResourcesUsed"],
        )
    )
    return [
        f"{user} has the priority {float(ad['Priority']):.1f} (a larger one waits longer) "
        f"and uses {float(ad.get('WeightedResourcesUsed', 0)):g} slots"
        for ad in ads[:1]
        if "Priority" in ad
    ]


def _jobs_ahead(connection: Connection, job: Any) -> int:
    """Return how many idle jobs of the same user the schedd tries to match before this one."""
    priority, when, number = job.get("JobPrio", 0), job["QDate"], job["ClusterId"]
    earlier = f"QDate < {when} || (QDate == {when} && ClusterId < {number})"
    constraint = (
        f"JobStatus == {int(JobStatus.IDLE)} && JobUniverse == {job['JobUniverse']} && "
        f"Owner == {quoted(str(job['Owner']))} && "
        f"(JobPrio > {priority} || (JobPrio == {priority} && ({earlier})))"
    )
    found = connection.ask(lambda schedd: schedd.query(constraint, ["ProcId"], limit=_AHEAD + 1))
    return len(found)


def _idle_dag(connection: Connection, job: Any) -> list[str]:
    owner = str(job["Owner"])
    running = connection.queue(
        f"JobUniverse == {_SCHEDULER_UNIVERSE} && JobStatus == {int(JobStatus.RUNNING)} && "
        f"Owner == {quoted(owner)}",
        ["ClusterId"],
    )
    limit = _limit(connection)
    count = f"{len(running)} DAGs of {owner} run, at most {limit} may ({_LIMIT} of the schedd)"
    if len(running) >= limit:
        return [f"{count}: it starts when one of them ends"]
    return [f"{count}: it should start within a minute"]


def _limit(connection: Connection) -> int:
    """Return how many DAGs of a user the schedd may run at once."""
    htcondor2 = bindings()
    try:
        value = htcondor2.RemoteParam(connection.location()).get(_LIMIT)
    except (htcondor2.HTCondorException, SchedulerError):  # a schedd may hide its configuration
        value = htcondor2.param.get(_LIMIT)
    try:
        return int(str(value))
    except ValueError:
        return _DEFAULT_LIMIT
