"""Playing a scene in a process of its own, and seeing meanwhile what it has found."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from asimov.testing.conformance.cleanup import SCENE, end_project
from asimov.testing.conformance.contracts import of_scene
from asimov.testing.conformance.findings import Finding, Told, read
from asimov.testing.conformance.task import Task

#: How many calls of a method a scene may need besides waiting for jobs.
_CALLS = 10
#: Seconds between two looks at what it has found.
_LOOK = 0.2


def play_apart(
    task: Task,
    python: str,
    environment: Mapping[str, str],
    look: Callable[[Mapping[str, Finding]], None],
) -> Told:
    """Play a scene in a process of its own.

    Parameters
    ----------
    task
        What is to be done.
    python
        The interpreter.
    environment
        All variables of the process.
    look
        Is given what has been found so far, again and again.
    """
    folder, path = Path(task.folder), Path(task.findings)
    folder.mkdir()
    (folder / "task.json").write_bytes(msgspec.json.encode(task))
    limit = 2 * task.patience + _CALLS * task.call
    output = folder / "output.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [python, "-m", SCENE, str(folder / "task.json")],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            code = _wait(process, limit, lambda: look(read(path).findings))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    told = read(path)
    if code == 0:
        return told
    end_project(folder / "project")
    ends = f"took more than {limit:g} s" if code is None else _died(code, output)
    why = f"{task.scene}: the process {ends} in {told.doing or 'its beginning'}"
    findings = dict(told.findings)
    for contract in of_scene(task.scene):
        findings.setdefault(contract.name, Finding(contract.name, None, why))
    findings["returns"] = Finding("returns", False, why)
    return told._replace(findings=findings)


def _wait(
    process: subprocess.Popen[bytes], limit: float, meanwhile: Callable[[], None]
) -> int | None:
    """Return the exit code of a process; None where it takes longer."""
    end = time.monotonic() + limit
    while (left := end - time.monotonic()) > 0:
        try:
            return process.wait(min(_LOOK, left))
        except subprocess.TimeoutExpired:
            meanwhile()
    return None


def _died(code: int, output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    told = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return told + (f" ({lines[-1]})" if lines else "")
