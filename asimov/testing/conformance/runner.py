"""Run each scene (test run) of a conformance check in its own process; combine their findings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from asimov.system.child_process import ChildProcess, exit_text
from asimov.testing.conformance.cleanup import SCENE, cleared, end_project
from asimov.testing.conformance.contracts import CONTRACTS, SCENES, of_scene
from asimov.testing.conformance.findings import Finding, SceneResult, read
from asimov.testing.conformance.reporting import Reporter
from asimov.testing.conformance.scene_task import Task

#: The number of method calls a scene may need in addition to waiting for jobs.
_CALLS = 10
#: Seconds between two reads of a scene's findings while it runs.
_POLL = 0.2


def check(
    pipeline: str,
    *,
    blueprint: Path | None = None,
    scheduler: str = "local",
    configuration: Mapping[str, str] | None = None,
    patience: float = 600.0,
    call: float = 60.0,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    on_scene: Callable[[str], None] = lambda scene: None,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Find out which contracts a pipeline keeps.

    Nothing that it starts outlives this process, even if this process is killed.

    Parameters
    ----------
    pipeline
        The name of its entry point.
    blueprint
        The file of minimal settings.
    scheduler
        Where its jobs run.
    configuration
        Options of the scratch projects: ``{"pipelines/environment": "/opt/env"}``.
    patience
        How long a job may take, in seconds.
    call
        How long a method may take, in seconds.
    python
        The interpreter of an environment that has the pipeline.
    environment
        Variables for the scenes' processes, in addition to this process's.
    on_scene
        Called with the name of each scene before it starts.
    on_finding
        Called with each finding as soon as it is final.

    Returns
    -------
    list of Finding
        One for each contract, in the order of the contracts.
    """
    task = Task(
        pipeline=pipeline,
        blueprint=str(blueprint) if blueprint else None,
        scheduler=scheduler,
        configuration=dict(configuration or {}),
        patience=patience,
        call=call,
    )
    reporter = Reporter(on_finding)

    def run(task: Task) -> SceneResult:
        on_scene(task.scene)
        update = partial(reporter.update, task.scene)
        result = run_scene(task, python, {**os.environ, **(environment or {})}, update)
        update(result.findings, over=True)
        return result

    with cleared("asimov-check-") as top:
        findings = run_scenes(task, top, run)
        reporter.finish(findings)
    return findings


def run_scenes(task: Task, top: Path, run: Callable[[Task], SceneResult]) -> list[Finding]:
    """Run every scene, unless the class can't be loaded; return the finding for each contract.

    Parameters
    ----------
    task
        What all scenes have in common.
    top
        The folder of the scenes' folders.
    run
        Runs one scene.
    """
    found: dict[str, list[Finding]] = {name: [] for name in CONTRACTS}
    submits = ""
    for scene in SCENES:
        files = {"folder": str(top / scene), "findings": str(top / f"{scene}.jsonl")}
        result = run(msgspec.structs.replace(task, scene=scene, submits=submits, **files))
        submits = next(iter(result.notes), submits)
        for name, finding in result.findings.items():
            found[name].append(finding)
        if any(each.holds is False for each in found["loads"]):
            break
    return [_combined(name, of_scenes) for name, of_scenes in found.items()]


def _combined(name: str, findings: list[Finding]) -> Finding:
    """Combine what several scenes found about one contract: any failure decides."""
    for holds in (False, True, None):
        of_kind = [each for each in findings if each.holds is holds]
        if of_kind:
            return of_kind[0]
    return Finding(name, None, "it can't be loaded")


def run_scene(
    task: Task,
    python: str,
    environment: Mapping[str, str],
    update: Callable[[Mapping[str, Finding]], None],
) -> SceneResult:
    """Run one scene in its own process, and read what it found.

    Parameters
    ----------
    task
        The scene.
    python
        The interpreter.
    environment
        All variables of the process.
    update
        Called repeatedly with the findings so far.
    """
    folder, path = Path(task.folder), Path(task.findings)
    folder.mkdir()
    (folder / "task.json").write_bytes(msgspec.json.encode(task))
    limit = 2 * task.patience + _CALLS * task.call
    output = folder / "output.txt"
    with output.open("wb") as stream:
        command = [python, "-m", SCENE, str(folder / "task.json")]
        process = ChildProcess(
            command, limit, output=stream, folder=folder, environment=environment
        )
        try:
            while not process.is_over:
                time.sleep(_POLL)
                update(read(path).findings)
        finally:
            code = process.close()
    result = read(path)
    if code == 0:
        return result
    end_project(folder / "project")
    ends = f"took more than {limit:g} s" if code is None else _died(code, output)
    why = f"{task.scene}: the process {ends} during {result.doing or 'its start'}"
    findings = dict(result.findings)
    for contract in of_scene(task.scene):
        findings.setdefault(contract.name, Finding(contract.name, None, why))
    findings["returns"] = Finding("returns", False, why)
    return result._replace(findings=findings)


def _died(code: int, output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    return f"ended with {exit_text(code)}" + (f" ({lines[-1]})" if lines else "")
