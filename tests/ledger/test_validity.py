"""The settings ``outdated by`` and ``rerun``."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from asimov.ledger import schema
from asimov.ledger.validity import KINDS, counted, fault, is_automatic


def test_everything_counts_unless_it_is_chosen() -> None:
    assert counted({}) == counted({"outdated by": None}) == set(KINDS)
    assert counted({"outdated by": ["inputs"]}) == {"inputs"}
    assert counted({"outdated by": []}) == set()
    assert is_automatic({"rerun": "automatic"})
    assert not is_automatic({}) and not is_automatic({"rerun": "on request"})


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("{outdated by: [setings]}", ["outdated by", 0], "did you mean 'settings'?"),
        ("{outdated by: all}", ["outdated by"], "should be a list of settings, inputs, code"),
        (
            "{outdated by: [[code]]}",
            ["outdated by", 0],
            "did you mean 'code'? Use settings, inputs, code",
        ),
        ("{rerun: automatc}", ["rerun"], "did you mean 'automatic'?"),
        ("{rerun: true}", ["rerun"], "should be 'on request' or 'automatic', not True"),
        (
            "{rerun: [automatic]}",
            ["rerun"],
            "should be 'on request' or 'automatic', not ['automatic']",
        ),
    ],
)
def test_a_typo_is_refused(text: str, path: list[Any], says: str) -> None:
    found = fault(yaml.safe_load(text))
    assert found is not None
    assert found[1] == path
    assert says in found[0]


def test_a_typo_is_refused_wherever_a_ledger_may_have_it() -> None:
    wrong = {"outdated by": ["sttings"]}
    analysis = {"name": "a", "pipeline": "command", **wrong}
    of_pipeline = {"pipelines": {"command": wrong}}
    for shape, data, path in (
        (schema.Analysis, analysis, ["outdated by", 0]),
        (schema.ProjectAnalysis, analysis, ["outdated by", 0]),
        (schema.Subject, {"name": "s", **wrong}, ["outdated by", 0]),
        (schema.Subject, {"name": "s", "analyses": [analysis]}, ["analyses", 0, "outdated by", 0]),
        (schema.Configuration, wrong, ["outdated by", 0]),
        (schema.Configuration, of_pipeline, ["pipelines", "command", "outdated by", 0]),
    ):
        found = schema.mismatch(data, shape)
        assert found is not None
        assert found[1] == path


def test_the_schema_for_editors_lists_the_values() -> None:
    defined = schema.blueprint_schema()["$defs"]
    for name in ("Analysis", "ProjectAnalysis", "InlineAnalysis", "Subject", "Configuration"):
        known = defined[name]["properties"]
        assert known["outdated by"]["items"]["enum"] == list(KINDS)
        assert known["rerun"]["enum"] == ["on request", "automatic", None]
