"""Find out what failed in a job or a DAG that has ended.

Which nodes of a DAG failed is DAGMan's own verdict (`dagman_out`): only DAGMan knows about scripts
and about nodes that succeeded on a retry. Without its list, the last job of each node is judged,
with the POST scripts in the nodes' log. How a job ended comes from the history or, where that no
longer has it, from the nodes' log and the submit file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor.classads import Ad, member
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.job_ads import JobStatus
from asimov.scheduler.jobs import CLOCK_SKEW
from asimov.scheduler.languages.dag_file import read_dag_file
from asimov.scheduler.languages.dag_outputs import DAGMAN_LOG, DAGMAN_OUT, NODES_LOG
from asimov.scheduler.languages.dagman_out import (
    FailedNode,
    failed_nodes,
    how_script_ended,
    last_error,
)
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.languages.events import Event, EventType
from asimov.scheduler.languages.submit_file import read_submit_file
from asimov.scheduler.observations import Failure

#: The most failures that are returned.
MOST = 20
_DAG_IN_ARGUMENTS = re.compile(r"-[Dd]ag (\S+)")
_NODE_IN_LOG = re.compile(r'DAGNodeName = "([^"]+)"|^DAG Node: (\S+)')
_WANTED = [
    "Arguments",
    "ClusterId",
    "CompletionDate",
    "DAGNodeName",
    "EnteredCurrentStatus",
    "Err",
    "ExitBySignal",
    "ExitCode",
    "ExitSignal",
    "Iwd",
    "SUBMIT_Iwd",
    "JobStatus",
    "JobUniverse",
    "Out",
    "ProcId",
    "QDate",
    "RemoveReason",
    "UserLog",
]


def failures(connection: Connection, job_id: int, since: float) -> list[Failure]:
    """Return what failed in a job that has ended, the first failure first, at most `MOST`.

    Parameters
    ----------
    connection
        The schedd.
    job_id
        The cluster of a job or of a DAG.
    since
        When it was submitted, in seconds since the epoch.

    Raises
    ------
    SchedulerUnreachableError
        Where the schedd can't be asked.
    """
    ads = _ended(connection, f"ClusterId == {job_id}", since)
    if not ads:
        return []
    if _is_dag(ads[0]):
        return _Dag(connection, ads[0], since).failures()[:MOST]
    return _failed(ads)[:MOST]


def _ended(connection: Connection, constraint: str, since: float) -> list[Ad]:
    """Return the matching jobs that ended, in the order of their ends."""
    ads = connection.history(constraint, _WANTED, since - CLOCK_SKEW)
    if not ads:  # some stay in the queue
        done = f"({constraint}) && JobStatus == {int(JobStatus.COMPLETED)}"
        ads = connection.queue(done, _WANTED)
    once = {(ad["ClusterId"], ad["ProcId"]): ad for ad in ads}
    return sorted(once.values(), key=lambda ad: (_when(ad), ad["ClusterId"], ad["ProcId"]))


def _when(ad: Ad) -> float:
    return float(ad.get("CompletionDate") or ad.get("EnteredCurrentStatus") or 0)


def _is_dag(ad: Ad) -> bool:
    return ad.get("JobUniverse") == 7 and str(ad.get("UserLog", "")).endswith(DAGMAN_LOG)


def _failed(ads: Iterable[Ad]) -> list[Failure]:
    return [failure for ad in ads if (failure := _process(ad)) is not None]


def _process(ad: Ad) -> Failure | None:
    """Return a process as a failure; None where it succeeded."""
    removed = ad["JobStatus"] == JobStatus.REMOVED
    signal = ad.get("ExitSignal") if ad.get("ExitBySignal") and not removed else None
    code = None if removed or ad.get("ExitBySignal") else ad.get("ExitCode")
    if not removed and signal is None and not code:
        return None
    why = ad.get("RemoveReason") or "no reason given"
    return Failure(
        job_id=ad["ClusterId"],
        node=ad.get("DAGNodeName"),
        exit_code=code,
        signal=signal,
        reason=f"removed: {why}" if removed else None,
        error_file=_path(_folder(ad), ad.get("Err", "")),
        output_file=_path(_folder(ad), ad.get("Out", "")),
    )


def _folder(ad: Ad) -> str:
    """Return the folder of a job's files; of a spooled one where they were retrieved to."""
    return str(ad.get("SUBMIT_Iwd") or ad.get("Iwd", ""))


def _path(folder: str | Path, name: str) -> str | None:
    """Return a file's absolute path; None where there is no file."""
    if not name or name == os.devnull:
        return None
    path = os.path.normpath(Path(folder, name))
    return path if path.startswith("/") else None


@dataclass
class _Dag:
    """A DAG that has ended."""

    connection: Connection
    ad: Ad
    since: float

    def __post_init__(self) -> None:
        self.id: int = self.ad["ClusterId"]
        self.folder = Path(self.ad.get("Iwd", "/"))
        self.base = os.path.normpath(self.folder / self.ad["UserLog"]).removesuffix(DAGMAN_LOG)

    def failures(self) -> list[Failure]:
        own = _process(self.ad)
        listed = failed_nodes(Path(f"{self.base}{DAGMAN_OUT}"), self.id)
        found = self._judged() if listed is None else self._listed(listed[:MOST])
        if found or own is None:
            return found
        log = f"{self.base}{DAGMAN_OUT}"
        why = last_error(Path(log), self.id)
        return [structs.replace(own, reason=own.reason or why, error_file=log)]

    # --- with DAGMan's own list

    def _listed(self, nodes: list[FailedNode]) -> list[Failure]:
        clusters = [node.cluster for node in nodes if node.cluster is not None]
        ads: dict[int, list[Ad]] = {}
        if clusters:
            for ad in _ended(self.connection, member("ClusterId", clusters), self.since):
                ads.setdefault(ad["ClusterId"], []).append(ad)
        found: list[Failure] = []
        for node in nodes:
            found += self._node(node, ads.get(node.cluster or 0, []))
        return found

    def _node(self, node: FailedNode, ads: list[Ad]) -> list[Failure]:
        if ads and _is_dag(ads[0]) and not node.by_script:
            inner = _Dag(self.connection, ads[0], self.since).failures()
            if inner:
                return [
                    structs.replace(
                        each, node=f"{node.name}/{each.node}" if each.node else node.name
                    )
                    for each in inner
                ]
        failed = _failed(ads)
        if not node.by_script and failed:
            return failed
        if ads:
            err, out = (_path(ads[0].get("Iwd", ""), ads[0].get(key, "")) for key in ("Err", "Out"))
        elif node.cluster is not None:
            err, out = self._files(node.name, node.submit_file, node.process)
        else:
            err = out = None
        return [
            Failure(
                job_id=node.cluster,
                node=node.name,
                exit_code=node.exit_code,
                signal=node.signal,
                reason=node.reason,
                error_file=err,
                output_file=out,
            )
        ]

    # --- without it

    def _judged(self) -> list[Failure]:
        """Return the nodes whose last job, or the POST script after it, failed."""
        ads = _ended(self.connection, f"DAGManJobId == {self.id}", self.since)
        events = self._events()
        jobs = [
            (str(ad.get("DAGNodeName")), ad["ClusterId"], self._unless_removed_with_dag(ad))
            for ad in ads
        ]
        last: dict[str, tuple[int, list[Failure]]] = {}
        for name, cluster, failure in jobs or self._logged(events):
            if name not in last or last[name][0] != cluster:
                last.pop(name, None)  # order a retried node by its last end
                last[name] = cluster, []
            if failure is not None:
                last[name][1].append(failure)
        posts = {event.node: event for event in events if event.node}
        for name in posts.keys() - last.keys():
            last[name] = -1, []
        found: list[Failure] = []
        for name, (cluster, failed) in last.items():
            post = posts.get(name)
            if post is None or post.cluster != cluster:
                found += failed
            elif post.exit_code != 0:
                found.append(self._after_script(name, post, failed))
        return found

    def _unless_removed_with_dag(self, ad: Ad) -> Failure | None:
        """Return a node's job as a failure; None where it was removed together with its DAG."""
        both = {ad["JobStatus"], self.ad["JobStatus"]} == {JobStatus.REMOVED}
        return None if both else _process(ad)

    def _after_script(self, name: str, post: Event, failed: list[Failure]) -> Failure:
        if failed:
            err, out = failed[0].error_file, failed[0].output_file
        else:
            err, out = self._files(name, "", 0) if post.cluster >= 0 else (None, None)
        return Failure(
            job_id=post.cluster if post.cluster >= 0 else None,
            node=name,
            exit_code=post.exit_code,
            signal=post.signal,
            reason=how_script_ended("POST", post.exit_code, post.signal),
            error_file=err,
            output_file=out,
        )

    def _events(self) -> list[Event]:
        """Return the events of this run in the nodes' log, which all runs share."""
        try:
            events = read_events(f"{self.base}{NODES_LOG}")[0]
        except OSError:
            return []
        first, last = self.ad.get("QDate", self.since), _when(self.ad) or float("inf")
        return [event for event in events if event.time is None or first <= event.time <= last]

    def _logged(self, events: list[Event]) -> Iterator[tuple[str, int, Failure | None]]:
        """Yield the nodes' processes in the nodes' log, as they ended."""
        names: dict[int, str] = {}
        for event in events:
            if event.number == EventType.SUBMIT:
                found = [match for line in event.lines if (match := _NODE_IN_LOG.search(line))]
                if found:
                    names[event.cluster] = found[0][1] or found[0][2]
            aborted = event.number == EventType.ABORTED
            if event.cluster not in names or not (aborted or event.number == EventType.TERMINATED):
                continue
            name, failure = names[event.cluster], None
            if self.ad["JobStatus"] != JobStatus.REMOVED if aborted else event.exit_code != 0:
                err, out = self._files(name, "", event.proc)
                why = f"removed: {event.reason or 'no reason given'}" if aborted else None
                code, signal = event.exit_code, event.signal
                failure = Failure(event.cluster, name, code, signal, why, err, out)
            yield name, event.cluster, failure

    def _files(self, name: str, submit_file: str, process: int) -> tuple[str | None, str | None]:
        """Return the files of a node's error and output, from its submit file where possible."""
        match = _DAG_IN_ARGUMENTS.search(str(self.ad.get("Arguments", "")))
        before: Mapping[str, str] = {}
        folder = self.folder
        try:
            node = read_dag_file(folder / (match[1] if match else "")).nodes[name]
            folder, before = folder / node.folder, node.before
            submit_file = "" if node.inline else node.submit
        except (SchedulerError, KeyError):
            pass  # the DAG file has unsupported statements: the submit file alone may do
        try:
            submit = read_submit_file(folder / submit_file, before)
            submit.macros = {"job": name, "node": name, "dagnodename": name}
            live = {"process": str(process), "procid": str(process)}
            where = folder / submit.value("initialdir", live)
            err, out = (submit.value(key, live) for key in ("error", "output"))
        except SchedulerError:
            return None, None
        return _path(where, err), _path(where, out)
