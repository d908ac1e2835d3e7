"""A project that is moved, or whose journal is replaced, while it is served: nothing is lost."""

from __future__ import annotations

from contextlib import closing

import pytest
from starlette.testclient import TestClient

from asimov.journal.access_keys import AccessKeys
from asimov.journal.datasets import Datasets
from asimov.journal.journal import Journal
from asimov.server.app import application
from asimov.server.options import Options
from tests.server.conftest import new_key
from tests.server.platipy.conftest import asimov


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Return a project of this module's own, and a client with a key."""
    root = tmp_path_factory.mktemp("moved") / "project"
    asimov(root.parent, "init", "Served", "--root", str(root), "--scheduler", "local")
    key = new_key(root)
    with TestClient(application(Options(root)), "http://127.0.0.1:8642",
                    headers={"API_KEY": key}, client=("127.0.0.1", 50000)) as client:  # fmt: skip
        yield root, client


def upload(client, dataset):
    given = {"dataset": dataset, "type": "FILE", "file_name": "x"}
    return client.post("/api/dataobject", data=given, files={"file_data": b"x"})


def until_there(client, root, dataset):
    """Upload until it is acknowledged; return where the file is, as the journal has it."""
    for _ in range(3):  # what the service had open is opened again
        answer = upload(client, dataset)
        if answer.status_code == 200:
            break
    assert answer.status_code == 200, answer.text
    with closing(Journal(root / ".asimov" / "journal.db")) as journal:
        found = Datasets(journal).object(answer.json()["id"])
    assert (root / found.file).read_bytes() == b"x"


def test_what_is_sent_to_a_moved_project_is_not_acknowledged(served):
    root, client = served
    dataset = client.post("/api/dataset").json()["id"]
    until_there(client, root, dataset)
    root.rename(root.with_name("elsewhere"))
    for _ in range(2):
        assert upload(client, dataset).status_code >= 400
        assert client.post("/api/dataset").status_code >= 400
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["where"]) == (503, str(root))
    assert "if it was moved, serve it from its new place" in answer.json()["hint"]
    assert not root.exists()
    root.with_name("elsewhere").rename(root)
    until_there(client, root, dataset)


def test_what_is_sent_after_a_repair_is_in_the_new_journal(served):
    """A service that has the lost journal open must not go on to write there."""
    root, client = served
    client.post("/api/dataset")
    for each in (root / ".asimov").glob("journal.db*"):
        each.unlink()
    asimov(root, "ledger", "repair")
    with closing(Journal(root / ".asimov" / "journal.db")) as journal:
        client.headers["API_KEY"] = AccessKeys(journal).add("ada", "ada")
    answers = [client.post("/api/dataset") for _ in range(3)]
    assert {each.status_code for each in answers} <= {200, 503}
    assert answers[-1].status_code == 200
    until_there(client, root, answers[-1].json()["id"])
    made = [each.json()["id"] for each in answers if each.status_code == 200]
    with closing(Journal(root / ".asimov" / "journal.db")) as journal:
        assert [each.id for each in Datasets(journal).owned("ada")] == made
