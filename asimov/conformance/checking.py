"""Playing the scenes of a pipeline, each in a process of its own; what is found in all of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from asimov.conformance.contracts import CONTRACTS, SCENES, of_scene
from asimov.conformance.findings import Finding, Told, read
from asimov.conformance.task import Task
from asimov.errors import AsimovError
from asimov.testing.project import end_jobs
from asimov.workspace import Workspace

#: How many calls of a method a scene may need besides waiting for jobs.
_CALLS = 10


def check(
    pipeline: str,
    *,
    blueprint: Path | None = None,
    scheduler: str = "local",
    patience: float = 600.0,
    call: float = 60.0,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    report: Callable[[str], None] = lambda scene: None,
) -> list[Finding]:
    """Find out which contracts a pipeline keeps.

    Parameters
    ----------
    pipeline
        The name of its entry point.
    blueprint
        The file of minimal settings.
    scheduler
        Where its jobs run.
    patience
        How long a job may take, in seconds.
    call
        How long a method may take, in seconds.
    python
        The interpreter of an environment that has the pipeline.
    environment
        Variables of the scenes' processes, besides this one's.
    report
        Is told of each scene before it begins.

    Returns
    -------
    list of Finding
        One for each contract, in their order.
    """
    found: dict[str, list[Finding]] = {name: [] for name in CONTRACTS}
    submits = ""
    top = Path(tempfile.mkdtemp(prefix="asimov-check-"))
    try:
        for scene in SCENES:
            report(scene)
            task = Task(
                scene=scene,
                pipeline=pipeline,
                folder=str(top / scene),
                findings=str(top / f"{scene}.jsonl"),
                blueprint=str(blueprint) if blueprint else None,
                scheduler=scheduler,
                patience=patience,
                call=call,
                submits=submits,
            )
            told = _play(task, python, {**os.environ, **(environment or {})})
            submits = next(iter(told.notes), submits)
            for name, finding in told.findings.items():
                found[name].append(finding)
            if any(each.holds is False for each in found["loads"]):
                break
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return [whole(name, findings) for name, findings in found.items()]


def _play(task: Task, python: str, environment: Mapping[str, str]) -> Told:
    """Play a scene in a process of its own."""
    folder = Path(task.folder)
    folder.mkdir()
    (folder / "task.json").write_bytes(msgspec.json.encode(task))
    limit = 2 * task.patience + _CALLS * task.call
    output = folder / "output.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [python, "-m", "asimov.conformance.child", str(folder / "task.json")],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    told = read(Path(task.findings))
    if code == 0:
        return told
    _clear_up(folder / "project")
    ends = f"took more than {limit:g} s" if code is None else _died(code, output)
    why = f"{task.scene}: the process {ends} in {told.doing or 'its beginning'}"
    findings = dict(told.findings)
    for contract in of_scene(task.scene):
        findings.setdefault(contract.name, Finding(contract.name, None, why))
    findings["returns"] = Finding("returns", False, why)
    return told._replace(findings=findings)


def _died(code: int, output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    told = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return told + (f" ({lines[-1]})" if lines else "")


def _clear_up(root: Path) -> None:
    """Remove the jobs of a project whose process has died."""
    if not (root / ".asimov").exists():
        return
    with suppress(AsimovError, OSError):
        workspace = Workspace.open(root)
        try:
            end_jobs(workspace)
        finally:
            workspace.journal.close()


def whole(name: str, findings: list[Finding]) -> Finding:
    """Return what the findings of several scenes come to."""
    for holds in (False, True, None):
        of_kind = [each for each in findings if each.holds is holds]
        if of_kind:
            return of_kind[0]
    return Finding(name, None, "it can't be loaded")
