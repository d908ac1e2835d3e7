"""``asimov vocabulary``: the names that blueprints may use."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
import yaml
from asimov.pipelines.testing import SimpleTestPipeline
from msgspec import field

from asimov.settings import BaseSettings, Setting
from asimov.testing.temporary_entry_points import entry_points
from tests.conftest import snapshot
from tests.refusals import is_clear, refused


class Inner(BaseSettings):
    max_steps: Annotated[int, Setting("How many steps.")] = 100


class Settings(BaseSettings):
    width: Annotated[float, Setting("In metres.")]
    sampler: Inner = field(default_factory=Inner)


class Walk(SimpleTestPipeline):
    name = "walk"
    settings = Settings


class Run(SimpleTestPipeline):
    name = "run"


PLUGINS = {
    "asimov.pipelines": {"walk": Walk, "run": Run},
    "asimov.vocabulary": {"run": {"terms": {"pace": {"aliases": ["speed"]}}}},
}
BLUEPRINT = """
kind: subject
name: s
---
{kind: analysis, name: a, subject: s, pipeline: command, executable: /bin/true, outputs: {x: y}}
"""


@pytest.fixture(autouse=True)
def _plugins():
    with entry_points(PLUGINS):
        yield


def test_names_are_listed_with_whose_they_are(tmp_path, monkeypatch, asimov):
    monkeypatch.chdir(tmp_path)  # needs no project
    own = json.loads(asimov("vocabulary", "list", "--no-plugins", "--json").out)
    every = json.loads(asimov("vocabulary", "list", "--json").out)
    assert own == every[: len(own)]
    assert {each["of"] for each in own} == {
        "subject", "analysis", "projectanalysis", "analysisbundle", "configuration",
        "postprocessing",
    }  # fmt: skip
    declared = {(each["of"], each["name"]) for each in every[len(own) :]}
    assert {name for of, name in declared if of == "pipeline walk"} == {
        "width", "sampler", "sampler: max steps",
    }  # fmt: skip
    assert {name for of, name in declared if of == "pipeline run"} >= {"pace", "speed"}
    assert ("pipeline function", "function") in declared
    assert all(of.startswith("pipeline ") for of, _ in declared)
    head, *rows = asimov("vocabulary", "list").out.splitlines()
    assert head.split() == ["name", "of", "type", "default"]
    assert len(rows) == len(every)
    for form, read in (("yaml", yaml.safe_load), ("json", json.loads)):
        assert read(asimov("vocabulary", "export", "--format", form).out) == {"terms": every}


def test_a_name_is_explained(tmp_path, monkeypatch, asimov):
    monkeypatch.chdir(tmp_path)
    shown = asimov("vocabulary", "show", "needs").out.splitlines()
    assert shown[0] == "needs (analysis): a list"
    assert shown[1].startswith("  What must have finished first.")
    for spelling in ("sampler: max steps", "sampler.max_steps"):
        assert asimov("vocabulary", "show", spelling).out.splitlines() == [
            "sampler: max steps (pipeline walk): a whole number; by default 100",
            "  How many steps.",
        ]
    (term,) = json.loads(asimov("vocabulary", "show", "width", "--json").out)
    assert (term["default"], term["description"]) == ("required", "In metres.")
    is_clear(asimov("vocabulary", "show", "neds"), "nothing declares 'neds'; did you mean 'needs'?")


def test_blueprints_are_checked_and_nothing_is_written(project, asimov, blueprint):
    good = blueprint(BLUEPRINT)
    before = snapshot(project / "ledger")
    ran = asimov("vocabulary", "check", good, "--strict")
    assert (ran.code, ran.out) == (0, "Documents: 2. Notes: 0\n"), ran
    odd = blueprint("{kind: configuration, pipelines: {not-installed: {a: 1}}}")
    ran = asimov("vocabulary", "check", odd)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Documents: 1. Notes: 1")
    assert "not-installed" in ran.out
    assert asimov("vocabulary", "check", odd, "--strict").code == 1
    said = json.loads(asimov("vocabulary", "check", odd, "--json").out)
    assert (said["documents"], len(said["notes"])) == (1, 1)
    wrong = blueprint(BLUEPRINT.replace("pipeline: command", "pipeline: comand"))
    refused(asimov, project, ["vocabulary", "check", wrong], "there is no pipeline 'comand'")
    assert snapshot(project / "ledger") == before
