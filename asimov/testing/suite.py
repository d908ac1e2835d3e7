"""A pytest base class with a test for each contract of a pipeline.

``asimov plugins check`` checks the same contracts, with each scene in its own process. These tests
run the scenes in the test process, where a debugger and a coverage report can see them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from asimov.discovery import entrypoints
from asimov.ledger.documents import dump
from asimov.testing.conformance import minimal_blueprint
from asimov.testing.conformance.contracts import CONTRACTS
from asimov.testing.conformance.findings import Finding, SceneResult
from asimov.testing.conformance.runner import check, run_scenes
from asimov.testing.conformance.scene_process import run
from asimov.testing.conformance.scene_task import Task
from asimov.testing.temporary_entry_points import entry_points

#: Contracts that can only be checked if the class is not loaded yet.
_AT_LOADING = {"import-writes-nothing", "import-prints-nothing", "import-is-quick"}


class PipelineTests:
    """Base class: ``class TestMine(PipelineTests): pipeline = MyPipeline``.

    Attributes
    ----------
    pipeline
        The class; or the name of an installed entry point. With a name, each scene runs in its own
        process, and the contracts about loading are checked too.
    settings
        Minimal settings for an analysis of the pipeline.
    blueprint
        A blueprint file to use instead, which may contain other analyses that are needed.
    scheduler
        Where jobs run.
    configuration
        Options of the scratch projects: ``{"pipelines/environment": "/opt/env"}``.
    patience
        How long a job may take, in seconds.
    """

    pipeline: ClassVar[Any]
    settings: ClassVar[Mapping[str, Any]] = {}
    blueprint: ClassVar[str | Path | None] = None
    scheduler: ClassVar[str] = "local"
    configuration: ClassVar[Mapping[str, str]] = {}
    patience: ClassVar[float] = 60.0
    _found: ClassVar[dict[str, Finding]]

    @pytest.fixture
    def findings(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
        """Return the finding for every contract; the scenes run once per class."""
        cls = type(self)
        if "_found" not in vars(cls):
            cls._found = cls._find(tmp_path_factory.mktemp("conformance"))
        return cls._found

    @classmethod
    def _find(cls, folder: Path) -> dict[str, Finding]:
        file = Path(cls.blueprint) if cls.blueprint else None
        if file is None and cls.settings:
            file = folder / "settings.yaml"
            file.write_text(dump(dict(cls.settings)))
        if isinstance(cls.pipeline, str):
            point = entrypoints.find(entrypoints.PIPELINES, cls.pipeline)
            if file is None and point is not None:
                file = minimal_blueprint.find(point)
            made = check(
                cls.pipeline,
                blueprint=file,
                scheduler=cls.scheduler,
                configuration=cls.configuration,
                patience=cls.patience,
            )
            return {each.contract: each for each in made}
        with _published(cls.pipeline) as name:
            return cls._run_here(name, folder, file)

    @classmethod
    def _run_here(cls, name: str, folder: Path, file: Path | None) -> dict[str, Finding]:
        task = Task(
            pipeline=name,
            blueprint=str(file) if file else None,
            scheduler=cls.scheduler,
            configuration=dict(cls.configuration),
            patience=cls.patience,
        )
        made = {each.contract: each for each in run_scenes(task, folder, _run)}
        for contract in _AT_LOADING:
            made[contract] = Finding(contract, None, "the class is loaded already")
        return made

    @pytest.mark.parametrize("contract", CONTRACTS)
    def test_contract(self, contract: str, findings: dict[str, Finding]) -> None:
        """Fail if the contract is broken; skip if that is unknown."""
        found = findings[contract]
        if found.holds is None:
            pytest.skip(f"unknown: {found.seen}")
        if not found.holds:
            pytest.fail(f"{CONTRACTS[contract].sentence}\n{found.seen}", pytrace=False)


def _run(task: Task) -> SceneResult:
    findings = run(task)
    return SceneResult(findings.made, "", findings.notes)


@contextmanager
def _published(pipeline: Any) -> Iterator[str]:
    """Make a class available under its name within the block, installed or not."""
    name = str(getattr(pipeline, "name", "")).lower()
    added: dict[str, dict[str, Any]] = {entrypoints.PIPELINES: {name: pipeline}}
    point = entrypoints.find(entrypoints.PIPELINES, name)
    if point is not None and point.value == f"{pipeline.__module__}:{pipeline.__qualname__}":
        added = {}
    with entry_points(added):
        yield name
