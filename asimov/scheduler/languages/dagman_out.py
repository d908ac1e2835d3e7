"""Read DAGMan's messages, ``X.dag.dagman.out``: the nodes that failed, and why.

Source of the format: files written by HTCondor 25.14. When a DAG has failed, DAGMan ends with a
list after ``ERROR: the following job(s) failed:``, one block per node, and then removes remaining
jobs by ``DAGManJobId==N``, which identifies the run: a DAG that is run again appends to the same
file. No other file names nodes whose scripts failed and nodes that could not be submitted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

#: How much of the file's end to read, in bytes; a large DAG's file may have gigabytes.
_TAIL = 8_000_000
_START = "STARTING UP"
_LIST = "the following job(s) failed:"
_END = "<END>"
_BLOCK = re.compile(r"-{10,} Node -{10,}")
_FIELD = re.compile(
    r"(Node Name|Error|Job Submit File|HTCondor Job ID|PRE Script|POST Script): *(.*?) *$"
)
_JOB = re.compile(r"\((\d+)\.(\d+)\.")
#: Marks a line from when a node failed, in one of several forms.
_FAILING = re.compile(r"failed|ABORTED|FAILURE")
_NODE = re.compile(r"\b[Nn]ode (\S+)")
_UNSUBMITTED = re.compile(r"SUBMIT_FAILURE for HTCondor Node (\S+) \(.*?\) \{.*?\} (.+)")
_SCRIPT = re.compile(r"(PRE|POST) Script failed with (status|signal) (-?\d+)")
_STATUS = re.compile(r"failed with (status|signal) (-?\d+)")
_ERROR = re.compile(r"\bERROR\b:? *(.+)")


@dataclass(frozen=True, slots=True)
class FailedNode:
    """A node that DAGMan gave up.

    Attributes
    ----------
    name
        The node's name.
    cluster, process
        Its last job; None where it was not submitted.
    by_script
        Whether a script failed and not the job.
    exit_code, signal
        How the script or the job ended, where DAGMan says.
    submit_file
        As the DAG file names it.
    reason
        What failed, in a few words, where the job's own exit code or signal does not say it.
    order
        Increases with the time of the failure.
    """

    name: str
    cluster: int | None
    process: int
    by_script: bool
    exit_code: int | None
    signal: int | None
    submit_file: str
    reason: str | None
    order: int


def _sections(path: Path) -> list[list[str]]:
    """Return the file's lines by run of DAGMan, the last run last."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - _TAIL, 0))
        lines = stream.read().decode(errors="replace").splitlines()
    starts = [number for number, line in enumerate(lines) if _START in line]
    bounds = [0, *starts, len(lines)]
    return [lines[a:b] for a, b in pairwise(bounds) if b > a]


def _of_run(path: Path, dag: int) -> list[str] | None:
    """Return the lines of the last run of a DAG's cluster; None where there are none."""
    whose = re.compile(rf"DAGManJobId ?== ?{dag}\b|batch-id: <{dag}\.")
    found = [lines for lines in _sections(path) if any(map(whose.search, lines))]
    return found[-1] if found else None


def failed_nodes(path: Path, dag: int) -> list[FailedNode] | None:
    """Return the nodes that failed for good, the first failure first.

    Parameters
    ----------
    path
        The file.
    dag
        The cluster of the DAGMan job.

    Returns
    -------
    list or None
        None where the file lacks DAGMan's list for that run.
    """
    try:
        lines = _of_run(path, dag)
    except OSError:
        return None
    starts = [number for number, line in enumerate(lines or []) if _LIST in line]
    if lines is None or not starts:
        return None
    when: dict[str, int] = {}
    unsubmitted: dict[str, str] = {}
    for number, line in enumerate(lines[: starts[-1]]):
        if _FAILING.search(line) and (match := _NODE.search(line)):
            when[match[1]] = number
            if refused := _UNSUBMITTED.search(line):
                unsubmitted[refused[1]] = refused[2]
    blocks: list[dict[str, str]] = []
    for line in lines[starts[-1] :]:
        if _END in line:
            break
        if _BLOCK.search(line):
            blocks.append({})
        elif blocks and (match := _FIELD.search(line)):
            blocks[-1].setdefault(match[1], match[2])
    nodes = [_node(block, when, unsubmitted) for block in blocks if "Node Name" in block]
    return sorted(nodes, key=lambda node: node.order)


def how_script_ended(script: str, exit_code: int | None, signal: int | None) -> str:
    """Describe how a ``PRE`` or ``POST`` script failed."""
    how = f"returned {exit_code}" if signal is None else f"was ended by signal {signal}"
    return f"its {script} script {how}"


def _node(block: dict[str, str], when: dict[str, int], unsubmitted: dict[str, str]) -> FailedNode:
    name, error = block["Node Name"], block.get("Error", "")
    job = _JOB.search(block.get("HTCondor Job ID", ""))
    script = _SCRIPT.search(error)
    status = _STATUS.search(script[0] if script else error)
    code = int(status[2]) if status and status[1] == "status" else None
    signal = int(status[2]) if status and status[1] == "signal" else None
    reason = None
    if script:
        reason = how_script_ended(script[1], code, signal)
    elif "ABORTED" in error:
        reason = "removed"
    elif job is None:
        reason = f"it could not be submitted: {unsubmitted.get(name, error)}"
    return FailedNode(
        name=name,
        cluster=int(job[1]) if job else None,
        process=int(job[2]) if job else 0,
        by_script=script is not None,
        exit_code=code,
        signal=signal,
        submit_file=block.get("Job Submit File", ""),
        reason=reason,
        order=when.get(name, 0),
    )


def last_error(path: Path, dag: int) -> str | None:
    """Return the last error message of a run, such as why DAGMan could not read the DAG file."""
    try:
        lines = _of_run(path, dag)
    except OSError:
        return None
    found = [match[1] for line in lines or [] if (match := _ERROR.search(line))]
    return found[-1] if found else None
