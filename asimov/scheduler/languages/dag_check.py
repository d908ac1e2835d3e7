"""Find certain errors in a DAG file before DAGMan is started: missing files."""

from __future__ import annotations

from pathlib import Path

from asimov.errors import Place, SchedulerError


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
        raise SchedulerError("no such DAG file", where=path, hint="has the analysis been built?")
    waiting: set[str] = set()
    described: set[str] = set()
    nodes: list[tuple[int, str, Path]] = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        words = line.split()
        match [word.upper() for word in words[:2]]:
            case ["INCLUDE", *_]:
                return  # the other file may say what a node waits for
            case ["SUBMIT-DESCRIPTION", _]:
                described.add(words[1])
            case ["SCRIPT", *_] if "PRE" in (word.upper() for word in words[1:-2]):
                waiting.update(words[words.index(_pre(words)) + 1 :][:1])
            case ["PARENT", *_]:
                upper = [word.upper() for word in words]
                if "CHILD" in upper:
                    waiting.update(words[upper.index("CHILD") + 1 :])
            case ["JOB", _] if len(words) > 2 and not words[2].startswith("{"):
                options = [word.upper() for word in words[3:]]
                folder = words[3:][options.index("DIR") + 1 :][:1] if "DIR" in options else []
                if not {"NOOP", "DONE"} & set(options):
                    nodes.append((number, words[1], Path(*folder, words[2].strip('"'))))
    for number, node, submit_file in nodes:
        if node in waiting or "ALL_NODES" in waiting or str(submit_file) in described:
            continue
        if "$" not in str(submit_file) and not submit_file.is_file():
            raise SchedulerError(
                f"node {node}: no such submit file: {submit_file}", where=Place(path, number)
            )


def _pre(words: list[str]) -> str:
    return next(word for word in words if word.upper() == "PRE")
