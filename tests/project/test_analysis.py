"""The objects that pipelines see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.pipeline import Pipeline
from asimov.project.analysis import Analysis, ProjectAnalysis, SimpleAnalysis, SubjectAnalysis
from asimov.project.workspace import Workspace

BLUEPRINT = """
{kind: configuration, speed: 1, deep: {one: 1, two: 2}}
---
{kind: subject, name: s, deep: {two: 3}}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline, comment: first, step: one}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline, needs: [a], deep: {one: 5}}
---
{kind: analysis, event: s, name: over, pipeline: subjecttestpipeline, analyses: [a, b]}
---
{kind: analysis, event: t, name: a, pipeline: simpletestpipeline, step: one}
---
{kind: projectanalysis, name: all, pipeline: projecttestpipeline, analyses: [{step: one}]}
"""


@pytest.fixture
def made(project: Path, asimov: Callable[..., Any], blueprint: Callable[[str], Path]) -> Path:
    ran = asimov("apply", "-f", blueprint(BLUEPRINT))
    assert ran.code == 0, ran
    return project


@contextmanager
def opened(root: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(root)
    try:
        yield workspace
    finally:
        workspace.journal.close()


@pytest.fixture
def ws(made: Path) -> Iterator[Workspace]:
    with opened(made) as workspace:
        yield workspace


def test_the_kinds_of_analysis_are_told_by_the_ledger(ws: Workspace) -> None:
    kinds = [type(ws.analysis(key)) for key in ws.contents.entries]
    assert kinds == [
        SimpleAnalysis,
        SimpleAnalysis,
        SubjectAnalysis,
        SimpleAnalysis,
        ProjectAnalysis,
    ]
    assert ws.analysis(("s", "a")) is ws.analysis(("s", "a"))


def test_settings_are_merged_and_its_own(ws: Workspace) -> None:
    a, b = ws.analysis(("s", "a")), ws.analysis(("s", "b"))
    assert a.meta["deep"] == {"one": 1, "two": 3}
    assert b.meta["deep"] == {"one": 5, "two": 3}
    a.meta["deep"]["one"] = 9
    assert b.meta["deep"]["one"] == 5
    assert ws.settings(("s", "a"))["deep"]["one"] == 1


def test_the_names_that_pipelines_know_an_analysis_by(ws: Workspace, made: Path) -> None:
    a = ws.analysis(("s", "a"))
    assert (a.name, a.subject.name, a.event, a.comment, a.category) == (
        "a", "s", a.subject, "first", "analyses",
    )  # fmt: skip
    assert a.rundir == str(made / "working" / "s" / "a")
    assert a.config_file == str(made / "checkouts" / "s" / "analyses" / "a.ini")
    assert [each.name for each in a.subject.analyses] == ["a", "b", "over"]
    assert a.subject.issue_object is None
    assert repr(a) == "<SimpleAnalysis s/a>"
    assert a.to_dict()["status"] == "ready"


def test_inputs_are_what_it_needs_or_is_made_over(ws: Workspace) -> None:
    def names(key: tuple[str, str]) -> list[str]:
        return ["/".join(each.key) for each in ws.analysis(key).inputs]

    assert names(("s", "a")) == []
    assert names(("s", "b")) == ["s/a"]
    assert names(("s", "over")) == ["s/a", "s/b"]
    assert names(("project-analyses", "all")) == ["s/a", "t/a"]
    over, everything = ws.analysis(("s", "over")), ws.analysis(("project-analyses", "all"))
    assert isinstance(over, SubjectAnalysis)
    assert [each.name for each in over.analyses] == ["a", "b"]
    assert isinstance(everything, ProjectAnalysis)
    assert everything.subjects == everything.events == [ws.subject("s"), ws.subject("t")]
    assert ws.analysis(("s", "b")).dependencies == ["a"]


def test_the_pipeline_is_its_name_while_it_is_made(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    class Asking(Pipeline):
        def __init__(self, production: Analysis) -> None:
            seen.append(production.pipeline)
            super().__init__(production)

    entry = SimpleNamespace(
        name="Simpletestpipeline", load=lambda: Asking, dist=None, value="test:pipeline"
    )
    monkeypatch.setattr(entrypoints, "found", lambda group: {"simpletestpipeline": entry})
    entrypoints.load.cache_clear()
    a = ws.analysis(("s", "a"))
    assert isinstance(a.pipeline, Asking)
    assert seen == ["simpletestpipeline"]
    assert a.pipeline is a.pipeline
    entrypoints.load.cache_clear()


def test_a_state_or_job_that_a_pipeline_sets_is_asked_for_and_not_yet_so(ws: Workspace) -> None:
    a = ws.analysis(("s", "a"))
    a.status = "Processing"
    assert (a.status, ws.status(("s", "a")), a.finished) == ("processing", "ready", False)
    assert a.job_id is None
    a.job_id = "12"
    assert a.job_id == 12


def test_a_run_directory_that_is_set_is_stored_relative_to_the_project(
    ws: Workspace, made: Path
) -> None:
    a = ws.analysis(("s", "a"))
    a.rundir = made / "elsewhere"  # type: ignore[assignment]
    assert a.rundir == str(made / "elsewhere")
    assert a.meta["rundir"] == "elsewhere"
    a.rundir = "/srv/data"
    assert a.rundir == "/srv/data"


def test_what_a_pipeline_writes_is_kept_for_later_commands(made: Path) -> None:
    with opened(made) as first:
        a = first.analysis(("s", "a"))
        a.meta["found"] = {"x": [1, 2]}
        a.subject.meta["shared"] = "by a"
        first.keep(a)
    with opened(made) as later:
        assert later.analysis(("s", "a")).meta.get("found") == {"x": [1, 2]}
        assert later.analysis(("s", "b")).meta.get("shared") == "by a"
        assert later.analysis(("s", "b")).meta.get("found") is None
        assert later.analysis(("t", "a")).meta.get("shared") is None


def test_a_configuration_is_rendered_where_it_is_asked_for(
    ws: Workspace, made: Path, tmp_path: Path
) -> None:
    a = ws.analysis(("s", "a"))
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "test.ini").write_text("speed = {{ meta.speed }} of {{ analysis.name }}\n")
    target = tmp_path / "out" / "x.ini"
    assert a.make_config(target, folder, dryrun=True) == "speed = 1 of a\n"
    assert not target.exists()
    a.make_config(target, folder)
    assert target.read_text() == "speed = 1 of a\n"


def test_an_analysis_without_a_template_says_so(ws: Workspace, tmp_path: Path) -> None:
    a = ws.analysis(("s", "a"))
    a.pipeline.config_template = None
    with pytest.raises(AsimovError) as raised:
        a.make_config(tmp_path / "x.ini")
    assert str(raised.value) == "s/a has no template"
    assert "the pipeline simpletestpipeline has none" in str(raised.value.hint)


def test_assets_that_can_not_be_collected_are_told_with_whose_they_are(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise KeyError("x")

    monkeypatch.setattr(ws.analysis(("s", "a")).pipeline, "collect_assets", fails)
    with pytest.raises(AsimovError) as raised:
        ws.analysis(("s", "b"))._previous_assets()
    assert str(raised.value) == "s/a: simpletestpipeline.collect_assets raised KeyError: 'x'"


def test_the_repository_knows_configurations_that_are_there(ws: Workspace, made: Path) -> None:
    a = ws.analysis(("s", "a"))
    assert a.repository.find_prods("a", "analyses") == []
    a.make_config(a.config_file)
    assert a.repository.find_prods("a", "analyses") == [a.config_file]
