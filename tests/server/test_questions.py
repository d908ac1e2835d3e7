"""Analyses that ask, over HTTP: what they ask, and answers, each taken once."""

from __future__ import annotations

from contextlib import closing

import jsonschema
import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.server.api.openapi import document
from asimov.server.app import ROUTES
from tests.server import asking
from tests.server.conftest import made, writing

ONE = "/v1/subjects/t/analyses/one"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    top = tmp_path_factory.mktemp("questions")
    with pytest.MonkeyPatch.context() as patch:
        asking.publish(top / "package", patch)
        names = ("one", "two")
        found = made(
            top / "project", "".join(asking.ANALYSES.replace("NAME", each) for each in names)
        )
        asking.ask(found, *names)
        yield found


@pytest.fixture(scope="module")
def writer(root):
    with writing(root) as client:
        yield client


def test_questions_are_listed_with_their_fields_and_the_schema_of_answers(writer):
    listed = writer.get("/v1/questions").json()["items"]
    assert [each["analysis"] for each in listed] == ["one", "two"]
    one = writer.get(f"{ONE}/question").json()
    assert one == listed[0]
    assert (one["name"], one["text"]) == ("start", "May it start?\nLook first.")
    assert [each["setting"] for each in one["fields"]] == ["level", "method"]
    jsonschema.validate({"level": 2.5}, one["schema"])
    schemas = document(ROUTES)["components"]["schemas"]
    jsonschema.validate(one, {**schemas["Question"], "components": {"schemas": schemas}})


def test_who_asks_nothing_has_no_question(writer):
    answer = writer.get("/v1/subjects/s/analyses/first/question")
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "s/first is not waiting for an answer: it is uploaded",
    )  # fmt: skip
    answer = writer.post("/v1/subjects/s/analyses/first/answer", json={"answers": {}})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"answers": {"level": -1}}, 422, "the body: $.answers"),
        ({"answers": {"lefel": 1}}, 422, "the body: $.answers"),
        ({"answers": {}}, 422, "the body: $.answers"),
        ({"level": 1}, 422, "the body: $"),
        ({"answers": [1]}, 422, "the body: $.answers"),
    ],
)
def test_a_wrong_answer_changes_nothing(root, writer, body, status, where):
    answer = writer.post(f"{ONE}/answer", json=body)
    assert (answer.status_code, answer.json()["where"]) == (status, where), answer.text
    with closing(Workspace.open(root, reading=True).journal) as journal:
        assert journal.records()[Key("t", "one")].status == "asking"


def test_an_answer_is_taken_once_from_the_key_that_gave_it(root, writer):
    def give(level, name):
        return writer.post(
            f"{ONE}/answer", json={"answers": {"level": level}}, headers={"Idempotency-Key": name}
        )

    first = give(2.5, "first")
    assert (first.status_code, first.json()["answers"]) == (200, {"level": 2.5})
    again = give(2.5, "first")
    assert (again.status_code, again.json()) == (200, first.json())
    late = give(3, "late")
    assert (late.status_code, "answered by key ada" in late.json()["detail"]) == (409, True)
    workspace = Workspace.open(root, reading=True)
    with closing(workspace.journal) as journal:
        assert workspace.status(Key("t", "one")) == "ready"
        kinds = [(e.kind, e.actor) for e in journal.events("t", "one")]
    assert kinds.count(("answered", "key ada")) == 1
    assert [each["analysis"] for each in writer.get("/v1/questions").json()["items"]] == ["two"]
