"""Check a DAG file for errors that DAGMan would only find after its start."""

from __future__ import annotations

from pathlib import Path

from asimov.errors import Place, SchedulerError
from asimov.scheduler.languages.dag_file import job_options, statements


def check_dag(path: Path) -> None:
    """Check that a DAG file and the submit files of its first nodes exist.

    DAGMan opens a submit file when it runs the node, and a script or an earlier node may write it;
    so only those of nodes that wait for nothing are certainly missing.

    Parameters
    ----------
    path
        The DAG file. Submit files are relative to the current folder, as for DAGMan.

    Raises
    ------
    SchedulerError
        Where one is missing, with its name.
    """
    if not path.is_file():
        raise SchedulerError(
            "there is no such DAG file",
            where=path,
            hint="the pipeline's build_dag should have written it; the log may say why it has not",
        )
    waiting: set[str] = set()
    described: set[str] = set()
    nodes: list[tuple[int, str, Path]] = []
    for line, keyword, words, _, _ in statements(path.read_text(errors="replace").splitlines()):
        upper = [word.upper() for word in words]
        if keyword == "INCLUDE":
            return  # the other file may say what a node waits for
        if keyword == "SUBMIT-DESCRIPTION":
            described.update(words[1:2])
        elif keyword == "SCRIPT" and "PRE" in upper[1:-2]:
            waiting.add(words[upper.index("PRE") + 1])
        elif keyword == "PARENT" and "CHILD" in upper:
            waiting.update(words[upper.index("CHILD") + 1 :])
        elif keyword == "JOB" and len(words) > 2 and not words[2].startswith("{"):
            folder, marks = job_options(words[3:])
            if not {"NOOP", "DONE"} & {mark.upper() for mark in marks}:
                nodes.append((line, words[1], Path(folder, words[2].strip('"'))))
    for number, node, submit_file in nodes:
        if node in waiting or "ALL_NODES" in waiting or str(submit_file) in described:
            continue
        if "$" not in str(submit_file) and not submit_file.is_file():
            raise SchedulerError(
                f"node {node}: no such submit file: {submit_file}", where=Place(path, number)
            )
