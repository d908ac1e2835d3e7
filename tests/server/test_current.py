"""Lists are current although they are kept: what another process changes is in the next answer."""

from __future__ import annotations

import time

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from asimov.cli import cli
from asimov.server.app import application
from asimov.server.options import Options
from asimov.server.processes.backend import Backend
from tests.server.conftest import made


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("current") / "project")


@pytest.fixture(scope="module")
def client(root):
    here = ("127.0.0.1", 50000)
    with TestClient(application(Options(root)), "http://127.0.0.1:8642", client=here) as found:
        yield found


def run(root, *words):
    ran = CliRunner().invoke(cli, ["--project", str(root), *words], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output


def state(client, name):
    return next(e["state"] for e in client.get("/v1/analyses").json()["items"] if e["name"] == name)


def test_a_change_by_a_command_is_in_the_next_answer(root, client):
    for number in range(3):
        for after in ("wait", "ready"):
            run(root, "production", "set", "t/other", "--status", after)
            assert state(client, "other") == after, number
            one = client.get("/v1/analyses?name=t/other").json()["items"][0]
            assert one["state"] == after
            assert client.get("/v1/subjects").json()["items"][1]["states"] == {after: 1}


def test_an_analysis_that_a_command_adds_is_in_the_next_answer(root, client, tmp_path):
    before = client.get("/v1/analyses").json()["total"]
    file = tmp_path / "more.yaml"
    file.write_text("{kind: analysis, event: t, name: more, pipeline: simpletestpipeline}\n")
    run(root, "apply", "-f", str(file))
    assert client.get("/v1/analyses").json()["total"] == before + 1
    assert "more" in client.get("/").text
    run(root, "ledger", "undo")
    assert client.get("/v1/analyses").json()["total"] == before


def test_an_edit_by_hand_is_seen_within_two_seconds(root, client):
    comment = "made by hand"
    file = root / "ledger" / "subjects" / "t.yaml"
    assert comment not in client.get("/v1/analyses").text
    file.write_text(file.read_text().replace("<b>bold</b>", comment))
    edited = time.monotonic()
    while comment not in client.get("/v1/analyses").text:
        assert time.monotonic() < edited + 60
    # On a busy machine an answer may take long, but it is never one from before.
    assert client.get("/v1/analyses").text.count(comment) == 1


def test_who_asks_the_same_at_once_shares_an_answer_and_an_error_is_not_kept(client, monkeypatch):
    asked = []
    ask = Backend.ask

    async def counted(self, name, *arguments):
        asked.append(name)
        return await ask(self, name, *arguments)

    monkeypatch.setattr(Backend, "ask", counted)
    tag = client.get("/v1/analyses").headers["etag"]
    asked.clear()
    began = time.monotonic()
    for _ in range(5):
        again = client.get("/v1/analyses", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    if time.monotonic() < began + 0.5:
        assert len(asked) <= 2  # the kept one may have become old meanwhile
    asked.clear()
    for _ in range(2):
        assert client.get("/v1/analyses?state=none").status_code == 400
    assert asked == ["analyses", "analyses"]
