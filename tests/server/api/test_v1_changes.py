"""Writing under /v1: blueprints and actions, by the transactions of the commands, each once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.server.conftest import made, new_key, writing

NEW = "{kind: analysis, event: s, name: NAME, pipeline: simpletestpipeline}\n"
YAML = {"Content-Type": "application/yaml"}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    more = [NEW.replace("NAME", name) for name in ("reviewed", "again")]
    return made(tmp_path_factory.mktemp("writing") / "project", "---\n".join(["", *more]))


@pytest.fixture(scope="module")
def writer(root):
    """Return a client with the key `ada` that may write."""
    with writing(root) as client:
        yield client


@pytest.fixture
def now(root):
    """Return the project as it is now: ``now()``."""
    opened = []

    def open_it():
        opened.append(Workspace.open(root, reading=True))
        return opened[-1]

    yield open_it
    for each in opened:
        each.journal.close()


def act(writer, name=None, **action):
    headers = {"Idempotency-Key": name} if name else {}
    return writer.post("/v1/actions", json=action, headers=headers)


def test_blueprints_are_planned_and_then_applied(writer, now):
    text = NEW.replace("NAME", "planned")
    plan = writer.post("/v1/blueprints?dry_run=true", content=text, headers=YAML).json()
    assert plan == {
        "done": False, "added": ["s/planned"], "notes": [], "outdated": {}, "comments_lost": [],
        "changes": [{"action": "add", "what": "analysis s/planned", "details": []}],
    }  # fmt: skip
    assert Key("s", "planned") not in now().contents.entries
    assert writer.post("/v1/blueprints", content=text, headers=YAML).json() == {
        **plan,
        "done": True,
    }
    workspace = now()
    assert Key("s", "planned") in workspace.contents.entries
    event = workspace.journal.events("s", "planned")[0]
    assert event.reason == "added by POST /v1/blueprints with the key ada"
    again = writer.post("/v1/blueprints", content=text, headers=YAML).json()
    assert [each["action"] for each in again["changes"]] == ["unchanged"]


def test_blueprints_may_be_json_and_have_the_options_of_the_command(writer, now):
    blueprint = {"kind": "analysis", "name": "as-json", "pipeline": "simpletestpipeline"}
    answer = writer.post("/v1/blueprints?subject=t&reason=because", json=blueprint)
    assert answer.json()["added"] == ["t/as-json"]
    changed = json.dumps({**blueprint, "comment": "changed"})
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = writer.post("/v1/blueprints?subject=t", content=changed, headers=headers)
    assert (answer.status_code, "t/as-json" in answer.json()["detail"]) == (422, True)
    answer = writer.post("/v1/blueprints?subject=t&update=true", content=changed, headers=headers)
    assert answer.json()["changes"][0]["details"] == ["comment: changed (added)"]
    assert now().settings(Key("t", "as-json"))["comment"] == "changed"


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ("{kind: analisys}", "the body:1:2", "there is no kind 'analisys'"),
        ("kind: subject\nname: [", "the body:", ""),
        ("", "the body", "it contains no documents"),
        ("kind: analysis\nname: x\nsubject: nowhere\npipeline: command", "the body:", "nowhere"),
        (b"\xff\xfe\xff", "the body", "is not UTF-8 text"),
        ("a: &a [*a, *a]", "the body", ""),
        ("/etc/passwd", "the body:1:1", "a blueprint should be a mapping with a 'kind'"),
    ],
)
def test_a_blueprint_with_a_mistake_is_told_with_its_place(writer, content, where, what):
    answer = writer.post("/v1/blueprints", content=content, headers=YAML)
    assert answer.status_code == 422, answer.text
    assert answer.json()["where"].startswith(where)
    assert what in answer.json()["detail"]


def test_actions_do_what_the_commands_do(writer, now):
    answer = act(writer, action="set", analyses=["t/other"], status="wait", reason="for data")
    item = {"analysis": "t/other", "before": "ready", "after": "wait", "pending": ""}
    assert (answer.status_code, answer.json()) == (200, {"items": [item]})
    event = now().journal.events("t", "other")[-1]
    assert (event.actor, event.after, event.reason) == ("key ada", "wait", "for data")
    answer = act(writer, action="cancel", analyses=["s/second", "t/other", "s/second"])
    assert [each["after"] for each in answer.json()["items"]] == ["cancelled", "cancelled"]
    answer = act(writer, action="restart", analyses=["s/first", "s/second"])
    first, second = answer.json()["items"]
    assert (answer.status_code, first["after"]) == (200, "restart")
    assert first["pending"] == "the next pass of 'asimov monitor' carries it out"
    assert second["refused"] == "s/second is cancelled and can't be set to restart"
    answer = act(writer, action="stop", analyses=["s/second"])
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["items"][0]["hint"] == answer.json()["hint"]


def test_a_review_is_kept_with_the_name_of_the_key(writer, now):
    answer = act(writer, action="review", analyses=["s/reviewed"], status="approved", reason="fine")
    assert answer.json() == {"items": [{"analysis": "s/reviewed", "review": "approved"}]}
    review = now().settings(Key("s", "reviewed"))["review"]
    assert [(each["message"], each["by"]) for each in review["messages"]] == [("fine", "key ada")]
    answer = act(writer, action="review", analyses=["s/reviewed"], status="aproved")
    assert (answer.status_code, "approved" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("action", "status", "where"),
    [
        ({"action": "restart", "analyses": ["s/x"]}, 404, None),
        ({"action": "restart", "analyses": ["s"]}, 404, None),
        ({"action": "restart", "analyses": ["*"]}, 404, None),
        ({"action": "restart", "analyses": []}, 422, "the body: $.analyses"),
        ({"action": "restart", "analyses": [1]}, 422, "the body: $.analyses[0]"),
        ({"action": "start", "analyses": ["s/first"]}, 422, "the body: $.action"),
        ({"action": "restart", "analyses": ["s/first"], "why": "x"}, 422, "the body: $"),
        ({"action": "restart", "analyses": ["s/first"], "status": "x"}, 422, "the body"),
        ({"action": "set", "analyses": ["s/first"]}, 422, "the body"),
        ({"action": "set", "analyses": ["s/first"], "status": "redy"}, 409, None),
        ([], 422, "the body: $"),
    ],
)
def test_an_action_with_a_mistake_changes_nothing(writer, now, action, status, where):
    before = now().records
    answer = writer.post("/v1/actions", json=action)
    assert (answer.status_code, answer.json().get("where")) == (status, where), answer.text
    assert now().records == before


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "x"])
@pytest.mark.parametrize("address", ["/v1/blueprints", "/v1/actions"])
def test_what_a_form_of_another_site_could_send_is_refused(writer, address, media):
    answer = writer.post(address, content="{}", headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["where"]) == (415, "header: Content-Type")


def test_a_request_that_is_sent_again_is_not_carried_out_again(root, writer, now):
    def change(status, name):
        return act(writer, name, action="set", analyses=["s/again"], status=status)

    first = change("wait", "one")
    assert change("ready", "two").status_code == 200
    again = change("wait", "one")
    assert (again.status_code, again.json()) == (200, first.json())
    assert now().status(Key("s", "again")) == "ready"
    other = change("manual", "one")
    assert (other.status_code, other.json()["where"]) == (422, "header: Idempotency-Key")
    # Of another key it is another request.
    key = new_key(root, "eve")
    headers = {"Idempotency-Key": "one", "Authorization": f"Bearer {key}"}
    action = {"action": "set", "analyses": ["s/again"], "status": "wait", "reason": "eve"}
    answer = writer.post("/v1/actions", json=action, headers=headers)
    assert answer.json()["items"][0]["before"] == "ready"
    assert now().journal.events("s", "again")[-1].actor == "key eve"


def test_blueprints_that_are_sent_again_are_applied_once(writer, now):
    headers = {**YAML, "Idempotency-Key": "blueprints"}
    text = NEW.replace("NAME", "once")
    address = "/v1/blueprints?iterate=true"
    first, again = (writer.post(address, content=text, headers=headers) for _ in range(2))
    assert first.json()["added"] == ["s/once"]
    assert again.json() == first.json()
    assert Key("s", "once-2") not in now().contents.entries


@pytest.mark.parametrize("name", ["", "x" * 300, " x", "ä"])
def test_the_name_of_a_request_is_printable_and_short(writer, name):
    answer = writer.post(
        "/v1/actions",
        json={"action": "restart", "analyses": ["s/first"]},
        headers={"Idempotency-Key": name.encode()},
    )
    assert (answer.status_code, answer.json()["where"]) == (400, "header: Idempotency-Key")
