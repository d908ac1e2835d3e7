"""Reading under /v1: the same as the commands say, in pages, with tags and ranges."""

from __future__ import annotations

import json
import os
import time
from urllib.parse import quote

import jsonschema
import pytest
from click.testing import CliRunner

from asimov.cli import cli
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.server.conftest import OUTPUT, STORED

FIRST = "/v1/subjects/s/analyses/first"


def as_said(root, *command):
    ran = CliRunner().invoke(cli, ["--project", str(root), *command, "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.output)


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("/v1/subjects/s", ["event", "show", "s"]),
        (f"{FIRST}/why", ["why", "s/first"]),
        ("/v1/subjects/s/analyses/second/why", ["why", "s/second"]),
        ("/v1/graph", ["report", "graph", "--format", "json"]),
    ],
)
def test_an_answer_is_what_the_command_says(client, served, address, command):
    json_option = [] if "json" in command else ["--json"]
    ran = CliRunner().invoke(cli, ["--project", str(served), *command, *json_option])
    assert client.get(address).json() == json.loads(ran.output)


def test_lists_hold_what_the_commands_list(client, served):
    rows = client.get("/v1/analyses").json()
    assert rows["items"] == as_said(served, "status")
    assert (rows["total"], rows["next"]) == (3, None)
    events = client.get("/v1/events").json()
    numbers = [each.pop("id") for each in events["items"]]
    assert events["items"] == as_said(served, "log")
    assert numbers == sorted(numbers) and numbers[-1] == events["newest"]
    results = client.get(f"{FIRST}/results").json()["items"]
    assert results == as_said(served, "production", "results", "s/first")
    outputs = client.get(f"{FIRST}/logs?lines=2").json()["items"]
    assert [each.pop("file") for each in outputs] == ["working/s/first/job.out"]
    assert outputs == as_said(served, "logs", "s/first", "--last", "2")


def test_an_analysis_has_its_settings_with_their_origins(client, served):
    shown = client.get(FIRST).json()
    assert shown.pop("warning") is None
    origins = shown.pop("settings_from")
    assert shown.pop("settings_lines") is None  # no attempt with settings
    assert shown == as_said(served, "production", "show", "s", "first")
    assert shown["settings"]["colour"] == "red"
    assert origins["colour"] == as_said(served, "ledger", "show", "s", "first")[0]["from"]["colour"]
    assert shown["attempts"][0]["job_id"] == 7


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=s", ["first", "second"]),
        ("name=s/f*&name=t/other", ["first", "other"]),
        ("state=ready", ["second", "other"]),
        ("pipeline=simpletestpipeline", ["other"]),
        ("since=1h&state=uploaded", ["first"]),
        ("outdated=true", []),
        ("label=none", []),
    ],
)
def test_filters_are_those_of_the_commands(client, query, names):
    rows = client.get(f"/v1/analyses?{query}").json()["items"]
    assert [row["name"] for row in rows] == names


def test_pages_follow_one_another(client):
    names, address = [], "/v1/analyses?limit=1&name=s"
    while address:
        answer = client.get(address)
        assert answer.json()["total"] == 2
        names += [row["name"] for row in answer.json()["items"]]
        address = answer.links.get("next", {}).get("url")
    assert names == ["first", "second"]
    page = client.get("/v1/subjects?limit=1").json()
    assert (page["items"], page["next"]) == (
        [{"name": "s", "states": {"uploaded": 1, "ready": 1}}], "s;"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "where", "what"),
    [
        ("limit=0", "query: limit", "should be from 1 to 1000"),
        ("limit=1_0", "query: limit", "'1_0' is not a whole number"),
        ("limit=5&limit=6", "query: limit", "may be given only once"),
        ("outdated=maybe", "query: outdated", "neither true nor false"),
        ("since=soon", "query: since", "'soon' is not a time"),
        ("state=redy", "query", "there is no state 'redy'; did you mean 'ready'?"),
        ("name=x", "query", "there is no subject 'x'"),
        ("after=s/x", "query: after", "there is no 's/x'"),
        ("stat=ready", "query", "there is no parameter 'stat'; did you mean 'state'?"),
    ],
)
def test_a_mistake_is_told_with_its_place(client, query, where, what):
    answer = client.get(f"/v1/analyses?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["where"]) == (400, where)
    assert what in problem["detail"]


@pytest.mark.parametrize(
    "address",
    ["/v1/subjects/x", "/v1/subjects/s/analyses/x", f"{FIRST}/logs/x", f"{FIRST}/results/x",
     "/v1/graph?subject=x", "/v2"],
)  # fmt: skip
def test_what_is_not_there_is_404(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.json()["title"] == "Not Found"


def test_an_answer_that_has_not_changed_is_not_sent_again(client):
    first = client.get("/v1/analyses")
    again = client.get("/v1/analyses", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/analyses", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    ("address", "content"),
    [(f"{FIRST}/logs/working/s/first/job.out", OUTPUT), (f"{FIRST}/results/folder/y.txt", STORED)],
)
def test_files_are_sent_whole_or_in_ranges(client, address, content):
    whole = client.get(address)
    assert whole.text == content
    assert whole.headers["content-disposition"].startswith("attachment")
    part = client.get(address, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.text) == (206, content[2:5])
    assert client.get(address, headers={"Range": "bytes=-3"}).text == content[-3:]
    assert client.get(address, headers={"Range": "bytes=999-"}).status_code == 416
    for given in ("bytes=5-2", "lines=1-2", "bytes=-", "bytes=", "bytes=a-b", "bytes=1-2,x"):
        answer = client.get(address, headers={"Range": given})
        assert (answer.status_code, answer.text) == (200, content), given


def test_a_stored_file_that_has_changed_is_not_sent(client, served):
    stored = served / "results/s/first/folder/y.txt"
    addresses = (f"{FIRST}/results/folder/y.txt", "/analyses/s/first/products/folder/y.txt")

    def answers() -> set[int]:
        return {client.get(each, headers={"Accept": "*/*"}).status_code for each in addresses}

    def rewrite(content: str, modified: int) -> None:
        stored.chmod(0o600)
        stored.write_text(content)
        os.utime(stored, ns=(modified, modified))

    before, later = stored.stat().st_mtime_ns, int((time.time() + 60) * 1e9)
    rewrite(STORED, later)
    assert answers() == {200}  # as one that was restored from a backup
    rewrite(STORED[::-1], later)
    assert answers() == {409}
    refused = client.get(addresses[0]).json()
    assert refused["detail"] == (
        "folder/y.txt of s/first has changed since it was stored: its checksum differs"
    )
    assert "asimov rerun s/first" in refused["hint"]
    rewrite(STORED[:-1], before)
    assert answers() == {409}
    rewrite(STORED[::-1], before)  # nothing shows that, until somebody reads the file
    ran = CliRunner().invoke(cli, ["--project", str(served), "store", "verify"])
    assert ran.exit_code == 1, ran.output
    assert answers() == {409}
    rewrite(STORED, later)
    assert answers() == {200}


@pytest.mark.parametrize("last", ["abc", "1.5", "-1", "1" * 20, "1-", "1-x", "1-2-3"])
def test_a_stream_begins_after_an_event_or_not_at_all(client, last):
    answer = client.get("/v1/events/stream", headers={"Last-Event-ID": last})
    assert answer.status_code == 400
    assert answer.json()["where"] == "header: Last-Event-ID"


@pytest.mark.parametrize(
    "file", ["../../../blueprints.yaml", "%2e%2e/%2e%2e/blueprints.yaml", "/etc/passwd", "manifest",
             "%2Fetc%2Fpasswd", "folder", "", "folder/y.txt%00"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["logs", "results"])
def test_no_other_file_is_sent(client, kind, file):
    answer = client.get(f"{FIRST}/{kind}/{file}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_output_outside_the_project_is_not_shown(client, served):
    folder = served / "working" / "t" / "other"
    folder.mkdir(parents=True)
    (folder / "job.sub").write_text("executable = x\noutput = /etc/passwd\nqueue\n")
    (folder / "link.out").symlink_to("/etc/passwd")
    reasons = {
        "/etc/passwd": "/etc/passwd is not shown: it is outside the project",
        "working/t/other/link.out": "working/t/other/link.out is not shown: "
        "it is a link that leads out of the project",
    }
    logs = "/v1/subjects/t/analyses/other/logs"
    assert client.get(logs).json() == {"items": [], "not_shown": list(reasons.values())}
    for name, reason in reasons.items():
        answer = client.get(f"{logs}/{quote(name, safe='')}")
        assert (answer.status_code, answer.json()["detail"]) == (404, reason)


def test_a_change_is_seen_at_once(client, served):
    address = "/v1/subjects/t/analyses/other/why"
    assert client.get(address).json()["status"] == "ready"
    workspace = Workspace.open(served)
    for state in ("wait", "ready"):
        workspace.move(Key("t", "other"), state, "ada", "to see it")
        assert client.get(address).json()["status"] == state


def test_answers_have_the_shapes_that_the_document_gives_them(client):
    document = client.get("/openapi.json").json()
    values, checked = {"subject": "s", "name": "first"}, []
    for path, operations in document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if (found := content.get("application/json")) is None or path.endswith("/question"):
            continue  # the analysis asks nothing: see test_questions.py
        schema = {**found["schema"], "components": document["components"]}
        jsonschema.validate(client.get(path.format(**values)).json(), schema)
        checked.append(path)
    assert len(checked) > 12, checked
