"""The pipelines that run workers keep the contracts of a pipeline, with their minimal settings.

`asimov plugins check NAME` does the same in every scene; here it is the scene with most contracts.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asimov.discovery import entrypoints
from asimov.engine.provenance import trees
from asimov.testing.conformance import minimal_blueprint
from asimov.testing.conformance.contracts import of_scene
from asimov.testing.conformance.scene_process import run
from asimov.testing.conformance.scene_task import Task
from tests import containers


@pytest.mark.parametrize("name", ["container", "function", "phases"])
def test_a_worker_lives_as_the_contracts_say(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "container":
        # Its image is this machine itself, whose files are not all looked at.
        monkeypatch.setattr(trees, "MOST_FILES", 1000)
        monkeypatch.setenv("PATH", f"{containers.programs()}{os.pathsep}{os.environ['PATH']}")
    point = entrypoints.find(entrypoints.PIPELINES, name)
    assert point is not None
    blueprint = minimal_blueprint.find(point)
    assert blueprint is not None
    assert blueprint.parent.name == name
    task = Task(
        scene="life", pipeline=name, blueprint=str(blueprint), scheduler="local",
        folder=str(tmp_path), findings=str(tmp_path / "findings.jsonl"),
    )  # fmt: skip
    found = run(task).made
    assert {each.name for each in of_scene("life")} <= set(found)
    assert not {contract: each.seen for contract, each in found.items() if not each.holds}
