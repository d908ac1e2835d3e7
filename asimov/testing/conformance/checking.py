"""Playing the scenes of a pipeline one after the other; what is found in all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from asimov.testing.conformance.cleanup import cleared
from asimov.testing.conformance.contracts import CONTRACTS, SCENES
from asimov.testing.conformance.findings import Finding
from asimov.testing.conformance.playing import play_apart
from asimov.testing.conformance.reporting import Telling
from asimov.testing.conformance.task import Task


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
    report: Callable[[str], None] = lambda scene: None,
    tell: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Find out which contracts a pipeline keeps.

    Nothing that runs for it outlives this process, also where that is killed.

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
        Variables of the scenes' processes, besides this one's.
    report
        Is told of each scene before it begins.
    tell
        Is told of each contract as soon as it is known whether it holds.

    Returns
    -------
    list of Finding
        One for each contract, in their order.
    """
    found: dict[str, list[Finding]] = {name: [] for name in CONTRACTS}
    submits = ""
    telling = Telling(tell)
    with cleared("asimov-check-") as top:
        for scene in SCENES:
            report(scene)
            task = Task(
                scene=scene,
                pipeline=pipeline,
                folder=str(top / scene),
                findings=str(top / f"{scene}.jsonl"),
                blueprint=str(blueprint) if blueprint else None,
                scheduler=scheduler,
                configuration=dict(configuration or {}),
                patience=patience,
                call=call,
                submits=submits,
            )

            def look(findings: Mapping[str, Finding], scene: str = scene) -> None:
                telling.look(scene, findings)

            told = play_apart(task, python, {**os.environ, **(environment or {})}, look)
            submits = next(iter(told.notes), submits)
            for name, finding in told.findings.items():
                found[name].append(finding)
            telling.look(scene, told.findings, over=True)
            if any(each.holds is False for each in found["loads"]):
                break
        findings = [whole(name, of_scenes) for name, of_scenes in found.items()]
        telling.rest(findings)
    return findings


def whole(name: str, findings: list[Finding]) -> Finding:
    """Return what the findings of several scenes come to."""
    for holds in (False, True, None):
        of_kind = [each for each in findings if each.holds is holds]
        if of_kind:
            return of_kind[0]
    return Finding(name, None, "it can't be loaded")
