"""The process that runs one scene, a test run of a pipeline under ``asimov plugins check``.

It is started as ``python -m asimov.testing.conformance.scene_process TASK_FILE``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import msgspec

from asimov.errors import ReportedError
from asimov.testing.conformance.contracts import of_scene
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_task import Task


def run(task: Task) -> Findings:
    """Run a scene in this process; contracts that it does not reach are unknown."""
    findings = Findings(Path(task.findings))
    scene = import_module(f"asimov.testing.conformance.scenes.{task.scene}")
    try:
        scene.run(task, findings)
    except ReportedError as error:
        findings.cause = error.with_hint
    for contract in of_scene(task.scene):
        if contract.name not in findings.made:
            findings.unknown(contract.name, findings.cause)
    return findings


def main(arguments: list[str]) -> None:
    """Run the scene that a task file describes."""
    run(msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Task))


if __name__ == "__main__":
    main(sys.argv[1:])
