"""Subjects and analyses get other names while clients hold their numbers: nothing is lost."""

from __future__ import annotations

from contextlib import closing

from asimov.project.workspace import Workspace
from tests.server.platipy.conftest import asimov
from tests.server.platipy.test_protocol import dataset, upload
from tests.server.platipy.test_uploads import over


def answers(client, number, polls):
    """Return what every GET of the protocol says of a dataset and its calls; downloads are 200."""
    shown = client.get(f"/api/dataset/{number}").json()
    found = [*shown["input_data_objects"], *shown["output_data_objects"]]
    each = [f"/api/dataobject/{one['id']}" for one in found]
    files = [f"/api/dataobject/download/{one['id']}" for one in found]
    paths = ["/api/datasets", f"/api/dataset/ready/{number}", "/api/dataobjects", *each, *files]
    said = {path: client.get(path) for path in [*paths, *polls]}
    assert {answer.status_code for answer in said.values()} == {200}, said
    return {"dataset": shown, **{path: answer.content for path, answer in said.items()}}


def finish(root):
    until = ("--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
    asimov(root, "monitor", *until)


def test_every_get_says_the_same_after_subject_and_analysis_got_other_names(ada, root):
    number = dataset(ada, timeout="0.5")["id"]
    upload(ada, number)
    order = {"algorithm": "Show Settings", "dataset": number}
    polls = [ada.post("/api/trigger", data=order).json()["poll"]]
    asimov(root, "mv", f"platipy-{number}", "early")
    assert ada.get(polls[0]).json()["state"] == "PENDING"
    finish(root)
    assert ada.get(polls[0]).json() == {"state": "SUCCESS"}
    before = answers(ada, number, polls)
    assert len(before["dataset"]["output_data_objects"]) == 3
    asimov(root, "mv", "early", "moved")
    assert answers(ada, number, polls) == before
    with closing((workspace := Workspace.open(root, reading=True)).journal):
        (key,) = workspace.keys("moved")
    asimov(root, "mv", str(key), "renamed")
    assert answers(ada, number, polls) == before
    asimov(root, "rerun", "moved/renamed", "--yes")
    polls += [ada.post("/api/trigger", data=order).json()["poll"]]
    finish(root)
    with closing((workspace := Workspace.open(root, reading=True)).journal):
        assert len(workspace.keys("moved")) == 2  # a dataset stays one subject
    assert ada.get(polls[1]).json() == {"state": "SUCCESS"}
    after = answers(ada, number, polls)
    assert len(after["dataset"]["output_data_objects"]) == 6
    assert {path: after[path] for path in before if "download" in path} == {
        path: before[path] for path in before if "download" in path
    }
    over(root)
    given, made = (
        ada.get(f"/api/dataset/{number}").json()[f"{which}_data_objects"]
        for which in ("input", "output")
    )
    assert {each["path"] for each in (*given, *made)} == {None}
    assert not (root / "uploads" / str(number)).exists()
