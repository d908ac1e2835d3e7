"""The files that DAGMan writes beside a DAG file: their names, rescue files and metrics.

Source of the formats: HTCondor's manual, "The Rescue DAG" and "DAGMan metrics", and files written
by HTCondor 25. What ``X.dag.dagman.out`` says is read by `dagman_out`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from glob import escape
from pathlib import Path

from asimov.errors import Place, SchedulerError
from asimov.scheduler.observations import Progress
from asimov.system.files import write_atomically
from asimov.text import encodable, quoted

#: What is appended to the DAG file's name: the log of DAGMan's own job, the log that all nodes
#: share, and DAGMan's messages.
DAGMAN_LOG, NODES_LOG, DAGMAN_OUT = ".dagman.log", ".nodes.log", ".dagman.out"
_METRICS = ".metrics"


def rescue_files(path: Path) -> list[Path]:
    """Return the rescue files beside a DAG file, the newest last."""
    return sorted(path.parent.glob(f"{escape(path.name)}.rescue[0-9][0-9][0-9]"))


def rescue_number(path: Path) -> int:
    """Return the number of the newest rescue file beside a DAG file; 0 where there is none."""
    found = rescue_files(path)
    return int(found[-1].name[-3:]) if found else 0


def done_nodes(path: Path, nodes: Collection[str]) -> list[str]:
    """Return the nodes that a rescue file marks as done.

    Parameters
    ----------
    path
        The rescue file.
    nodes
        The names of the DAG's nodes.

    Raises
    ------
    SchedulerError
        For a statement that the local scheduler does not support.
    """
    names = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].upper() == "DONE" and len(words) == 2 and words[1] in nodes:
            names.append(words[1])
        elif words[0].upper() != "RETRY":  # the retries left; here they start from the full number
            raise SchedulerError(
                f"{quoted(line.strip(), 60)} is not supported by the local scheduler",
                where=Place(path, number),
                hint="remove the rescue file to run the DAG from its beginning",
            )
    return names


def write_rescue(
    dag_file: Path, number: int, total: int, done: Sequence[str], failed: Sequence[str]
) -> None:
    """Write a rescue file; the DAG continues from it when it is submitted again.

    Parameters
    ----------
    dag_file
        The DAG file.
    number
        The rescue file's number; above 999, the largest that a name holds, file 999 is overwritten.
    total
        How many nodes the DAG has.
    done, failed
        The nodes that succeeded and those that failed.

    Raises
    ------
    AsimovError
        Where the file can't be written.
    """
    lines = [
        f"# Rescue DAG file, created after running the {dag_file.name} DAG file",
        f"# Created {time.strftime('%Y-%m-%d %H:%M:%S')}",
        f"# Total number of Nodes: {total}",
        f"# Nodes premarked DONE: {len(done)}",
        f"# Nodes that failed: {len(failed)}",
        f"#   {','.join([*failed, '<ENDLIST>'])}",
        "",
        *(f"DONE {name}" for name in done),
    ]
    path = dag_file.with_name(f"{dag_file.name}.rescue{min(number, 999):03d}")
    write_atomically(path, encodable("\n".join(lines) + "\n"))


def write_metrics(dag_file: Path, values: Mapping[str, object]) -> None:
    """Write the metrics file: the result of the DAG in numbers.

    Parameters
    ----------
    dag_file
        The DAG file.
    values
        By DAGMan's names.

    Raises
    ------
    AsimovError
        Where the file can't be written.
    """
    head = {"client": "asimov", "type": "metrics", "metrics_version": 2}
    path = dag_file.with_name(f"{dag_file.name}{_METRICS}")
    write_atomically(path, json.dumps({**head, **values}, indent=4) + "\n")


def read_metrics(dagman_log: str, dag_id: int) -> Progress | None:
    """Return how far a DAG came, from the metrics file that DAGMan writes when it ends.

    Parameters
    ----------
    dagman_log
        The path of the log of DAGMan's own job, beside the metrics file.
    dag_id
        The cluster of that job.

    Returns
    -------
    Progress or None
        None where the file is missing, half written, or another run's: it is an extra.
    """
    path = Path(dagman_log.removesuffix(DAGMAN_LOG) + _METRICS)
    try:
        metrics = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if str(metrics.get("dagman_id")) != str(dag_id):
        return None
    succeeded, failed = (
        metrics.get(f"nodes_{what}", 0) + metrics.get(f"dag_nodes_{what}", 0)
        for what in ("succeeded", "failed")
    )
    return Progress(metrics["total_nodes"], succeeded, failed)
