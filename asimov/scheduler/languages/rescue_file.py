"""The files that a DAG leaves beside its DAG file, as DAGMan does.

Source of the formats: HTCondor's manual, "The Rescue DAG" and "DAGMan metrics", and files written
by HTCondor 25.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from asimov.system.files import write_atomically
from asimov.text import encodable


def write_rescue(
    dag_file: Path, number: int, total: int, done: Sequence[str], failed: Sequence[str]
) -> None:
    """Write a rescue file, from which the DAG goes on when it is submitted again.

    Parameters
    ----------
    dag_file
        The DAG file.
    number
        Of the rescue file; beyond 999, which names can't tell, the last is written again.
    total
        How many nodes there are.
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
    """Write the metrics file: what became of the DAG, in numbers.

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
    path = dag_file.with_name(f"{dag_file.name}.metrics")
    write_atomically(path, json.dumps({**head, **values}, indent=4) + "\n")
