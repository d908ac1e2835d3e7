"""The shapes of blueprints, and what is said of data that differs."""

from __future__ import annotations

import pytest

from asimov.ledger import schema

RUN = {"name": "a", "pipeline": "p"}


@pytest.mark.parametrize(
    ("shape", "data", "said", "path"),
    [
        ("analysis", {}, "'name' is missing", []),
        ("analysis", {"name": "a"}, "'pipeline' is missing", []),
        ("analysis", {**RUN, "name": 1}, "should be text, not a whole number", ["name"]),
        ("analysis", {**RUN, "name": None}, "should be text, not nothing", ["name"]),
        ("analysis", {**RUN, "name": 1.5}, "should be text, not a number", ["name"]),
        ("analysis", {**RUN, "name": True}, "should be text, not true or false", ["name"]),
        ("analysis", {**RUN, "name": {}}, "should be text, not a mapping", ["name"]),
        ("analysis", {**RUN, "needs": "x"}, "should be a list, not text", ["needs"]),
        ("analysis", {**RUN, "event": 5}, "should be text, not a whole number", ["event"]),
        ("analysis", {**RUN, "comment": []}, "should be text, not a list", ["comment"]),
        (
            "analysis",
            {**RUN, "needs": ["x", [5]]},
            "should be text or a mapping, not a whole number",
            ["needs", 1, 0],
        ),
        (
            "analysis",
            {**RUN, "strategy": {"x": [1], "y": 2}},
            "should be a list, not a whole number",
            ["strategy", "y"],
        ),
        ("analysis", {**RUN, 7: 1}, "the key 7 should be text", [7]),
        ("analysis", {**RUN, "needs": [{1: 2}]}, "the key 1 should be text", ["needs", 0, 1]),
        (
            "subject",
            {"name": "s", "analyses": [RUN, {**RUN, "labels": 5}]},
            "should be a mapping or a list, not a whole number",
            ["analyses", 1, "labels"],
        ),
        ("subject", {"name": "s", "analyses": [RUN, 5]}, "a mapping, not ", ["analyses", 1]),
        ("subject", {"name": "s", "repository": {}}, "should be text, not ", ["repository"]),
        (
            "configuration",
            {"pipelines": {"p": {}, "q": "x"}},
            "should be a mapping, not text",
            ["pipelines", "q"],
        ),
        ("configuration", {"hooks": {"x": 5}}, ", not a whole number", ["hooks", "x"]),
        ("postprocessing", {"postprocessing": "x"}, "should be a mapping", ["postprocessing"]),
        ("projectanalysis", {**RUN, "subjects": "x"}, "should be a list", ["subjects"]),
    ],
)
def test_a_wrong_type_is_told_in_words_with_the_path_to_it(shape, data, said, path):
    message, where = schema.mismatch(data, schema.KINDS[shape])
    assert said in message
    assert where == path
    assert "`" not in message
    assert "$" not in message


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ("analysis", {**RUN, "anything": {"of": [1, None, {2: 3}]}, "größe": 1}),
        ("analysis", {**RUN, "needs": ["x", {"y": 1}, ["z", {"optional": True}]]}),
        ("analysis", {**RUN, "needs": None, "labels": None, "status": None}),
        ("subject", {"name": "s", "productions": [RUN]}),
        ("configuration", {}),
        ("configuration", {"pipelines": None, "hooks": {"a": {}, "b": ["x"], "c": None}}),
        ("postprocessing", {"tool": 5}),
    ],
)
def test_settings_are_free(shape, data):
    assert schema.mismatch(data, schema.KINDS[shape]) is None


def test_the_published_schema_allows_further_keys_and_refers_to_nothing_outside():
    published = schema.blueprint_schema()
    for shape in published["$defs"].values():
        assert shape.get("additionalProperties") in (None, True)
        assert shape["type"] == "object"

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    names = {reference.removeprefix("#/$defs/") for reference in references(published)}
    assert names == set(published["$defs"])
