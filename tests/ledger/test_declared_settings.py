"""Declared settings among the ledger's layers: defaults, spellings, places and the schema."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import field

from asimov.ledger import declared_settings
from asimov.ledger.declared_schema import with_settings
from asimov.ledger.declared_settings import Written
from asimov.ledger.documents import read_documents
from asimov.ledger.schema import blueprint_schema
from asimov.settings import BaseSettings, Setting
from asimov.settings.merging import merge, origins


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


class Sampler(BaseSettings):
    """How it samples."""

    max_steps: Annotated[int, Setting("How many steps.", ge=1)] = 100
    kind: Literal["nuts", "mh"] = "mh"


class Settings(BaseSettings):
    """What the walk reads."""

    width: Annotated[float, Setting("In metres.", gt=0)]
    mode: Mode = Mode.FAST
    sampler: Sampler = field(default_factory=Sampler)
    other: Sampler | None = None
    data: Path = Path("x")


LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("project.yaml", {"width": 1, "sampler": {"max_steps": 3}, "free": 1}),
    ("subjects/s.yaml: a", {"sampler": {"max steps": 4}, "other": {"kind": "nuts"}}),
]


def test_defaults_lie_under_all_other_layers_with_a_name_of_their_own() -> None:
    layers = declared_settings.with_defaults(LAYERS, Settings, "walk")
    assert merge(layer for _, layer in layers) == {
        "width": 1,
        "mode": "fast",
        "sampler": {"max steps": 4, "kind": "mh"},
        "other": {"max steps": 100, "kind": "nuts"},
        "data": "x",
        "free": 1,
    }
    sources = origins(layers)
    assert sources["mode",] == "default of the pipeline walk"
    assert sources["sampler", "max steps"] == "subjects/s.yaml: a"
    assert sources["sampler", "kind"] == "default of the pipeline walk"
    assert sources["other", "max steps"] == "default of the pipeline walk"


def test_layers_are_not_changed_by_it() -> None:
    before = json.dumps(LAYERS)
    declared_settings.with_defaults(LAYERS, Settings, "walk")
    declared_settings.wrong(LAYERS, Settings)
    assert json.dumps(LAYERS) == before


def test_what_layers_come_to_is_checked_and_not_each_by_itself() -> None:
    assert declared_settings.wrong(LAYERS, Settings) == []
    layers = [("project.yaml", {"width": "x"}), ("subjects/s.yaml: a", {"width": 2})]
    assert declared_settings.wrong(layers, Settings) == []
    (fault,) = declared_settings.wrong(layers[:1], Settings)
    assert declared_settings.place_of(layers[:1], Settings, fault) == "ledger/project.yaml"


def test_the_highest_layer_that_holds_a_fault_is_its_place() -> None:
    layers = [*LAYERS, ("written by pipelines to a", {"sampler": {"max_steps": 0}})]
    (fault,) = declared_settings.wrong(layers, Settings)
    assert declared_settings.place_of(layers, Settings, fault) == "written by pipelines to a"
    (missing,) = declared_settings.wrong(layers[1:2], Settings)
    assert declared_settings.place_of(layers[1:2], Settings, missing) is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"width": 1, "needs": [], "rundir": "x", "max resurrections": 1}, None),
        ({"widht": 1}, "widht"),
        ({"mode_": 1}, "mode_"),
        ({"schedular": {}}, "schedular"),
    ],
)
def test_a_key_is_general_or_declared_or_unknown(data: dict[str, Any], name: str | None) -> None:
    fault = declared_settings.unknown(data, Settings)
    assert (fault.path[0] if fault else None) == name


@pytest.mark.parametrize(
    ("text", "steps", "line"),
    [
        ("a: 1\nsampler:\n  max_steps: 3\n", ("sampler", "max steps"), 3),
        ("a: 1\nsampler:\n  max steps: 3\n", ("sampler", "max steps"), 3),
        ("a: 1\nsampler:\n  max steps: 3\n", ("sampler",), 2),
        ("a: 1\n", ("sampler",), None),
    ],
)
def test_a_setting_is_found_in_either_spelling(text: str, steps: Any, line: int | None) -> None:
    (document,) = read_documents(text, "f.yaml")
    place = Written(document, (), document.data).place(Settings, steps)
    assert (place.line if place else None) == line


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return with_settings(blueprint_schema(), {"Walk": Settings})


class TestSchema:
    def test_without_settings_is_as_before(self) -> None:
        assert with_settings(blueprint_schema(), {}) == blueprint_schema()

    def test_holds_where_the_pipeline_is_named(self, schema: dict[str, Any]) -> None:
        for shape in ("Analysis", "InlineAnalysis", "ProjectAnalysis"):
            (condition,) = schema["$defs"][shape]["allOf"]
            assert condition["if"]["properties"]["pipeline"] == {"enum": ["Walk", "walk"]}
            assert condition["then"] == {"$ref": "#/$defs/pipeline.Walk.Settings"}
        assert "allOf" not in schema["$defs"]["Subject"]

    def test_tells_types_limits_defaults_and_descriptions(self, schema: dict[str, Any]) -> None:
        settings = schema["$defs"]["pipeline.Walk.Settings"]
        assert settings["description"] == "What the walk reads."
        width = settings["properties"]["width"]
        assert width == {"type": "number", "description": "In metres.", "exclusiveMinimum": 0}
        steps = schema["$defs"]["pipeline.Walk.Sampler"]["properties"]["max steps"]
        assert (steps["minimum"], steps["default"]) == (1, 100)
        assert "required" not in settings  # it may stand in another layer

    def test_every_reference_is_defined(self, schema: dict[str, Any]) -> None:
        text = json.dumps(schema)
        for part in text.split('"$ref": "#/$defs/')[1:]:
            assert part.partition('"')[0] in schema["$defs"]

    def test_holds_for_the_pipelines_section_of_the_project(self, schema: dict[str, Any]) -> None:
        section = schema["$defs"]["Configuration"]["properties"]["pipelines"]
        assert section["properties"] == {"Walk": {"$ref": "#/$defs/pipeline.Walk.Settings"}}

    def test_is_valid_and_refuses_what_apply_refuses(self, schema: dict[str, Any]) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        validator = jsonschema.Draft202012Validator
        validator.check_schema(schema)
        good = {"kind": "analysis", "name": "a", "pipeline": "walk", "subject": "s", "width": 1}
        bad = {"width": 0, "mode": "x", "sampler": {"max steps": 0}, "data": 1}
        check = validator({**schema, "anyOf": [{"$ref": "#/$defs/Analysis"}]})
        assert check.is_valid({**good, "other": None, "free": 1, "sampler": {"max steps": 5}})
        for key, value in bad.items():
            assert not check.is_valid({**good, key: value}), key
            assert check.is_valid({**good, key: value, "pipeline": "another"})
