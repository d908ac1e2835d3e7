"""A call that is run again: its outputs are those of the newest attempt, and only those."""

from __future__ import annotations

from contextlib import closing

import pytest

from asimov.journal.datasets import Datasets
from asimov.project.workspace import Workspace
from tests.server.platipy.conftest import asimov
from tests.server.platipy.test_protocol import dataset, error, upload
from tests.server.platipy.test_renamed import finish
from tests.server.platipy.test_uploads import over

#: Writes a file for each word of a file beside it, and says of each how often it was called.
WORDS = """

@app.register("Words")
def words(data_objects, working_dir):
    given = Path(__file__).with_name("words.txt").read_text().split()
    made = []
    for word in given[1:]:
        path = Path(working_dir, word + ".txt")
        path.write_text(f"{word} {given[0]}")
        parent = made[-1] if made else data_objects[0]
        made.append(DataObject(path=str(path), meta_data={"run": given[0]}, parent=parent))
    return made
"""


@pytest.fixture
def call(ada, root):
    """Return the dataset of a call that has run once, its upload, and where its state is."""
    service = root / "service.py"
    if WORDS not in service.read_text():
        service.write_text(service.read_text() + WORDS)
    write(root, "1 one two three")
    number = dataset(ada, timeout="0.5")["id"]
    given = upload(ada, number)["id"]
    order = {"algorithm": "Words", "dataset": number}
    poll = ada.post("/api/trigger", data=order).json()["poll"]
    finish(root)
    assert ada.get(poll).json() == {"state": "SUCCESS"}
    return number, given, poll


def write(root, text):
    (root / "words.txt").write_text(text)


def again(root, number):
    """Have the calls of a dataset run again; return their subject."""
    asimov(root, "rerun", f"platipy-{number}", "--yes")


def outputs(ada, number):
    shown = ada.get(f"/api/dataset/{number}").json()["output_data_objects"]
    return {each["path"]: each for each in shown}


def content(ada, each):
    answer = ada.get(f"/api/dataobject/download/{each['id']}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_files_with_other_names_are_listed_and_those_not_made_any_more_are_gone(ada, root, call):
    number, given, poll = call
    before = outputs(ada, number)
    assert [*before] == ["one.txt", "two.txt", "three.txt"]
    parents = [before["one.txt"]["id"], before["two.txt"]["id"]]
    assert [each["parent_id"] for each in before.values()] == [given, *parents]
    write(root, "2 two four")
    again(root, number)
    assert ada.get(poll).json()["state"] == "PENDING"
    finish(root)
    assert ada.get(poll).json() == {"state": "SUCCESS"}
    now = outputs(ada, number)
    assert [*now] == ["two.txt", "four.txt"]
    assert [content(ada, each) for each in now.values()] == ["two 2", "four 2"]
    assert [each["meta_data"] for each in now.values()] == [{"run": "2"}] * 2
    # What clients hold of a file that is made again stays good.
    assert now["two.txt"]["id"] == before["two.txt"]["id"]
    assert now["two.txt"]["timestamp"] > before["two.txt"]["timestamp"]
    assert [each["parent_id"] for each in now.values()] == [given, now["two.txt"]["id"]]
    for name in ("one.txt", "three.txt"):
        error(ada.get(f"/api/dataobject/{before[name]['id']}"), 404)
    again(root, number)
    finish(root)
    after = outputs(ada, number)
    assert [(name, each["id"]) for name, each in after.items()] == [
        (name, each["id"]) for name, each in now.items()
    ]


def test_results_that_a_person_has_stored_again_are_listed_again(ada, root, call):
    number, _, poll = call
    again(root, number)
    write(root, "3 three five")
    finish(root)
    ada.delete(f"/api/dataobject/{outputs(ada, number)['five.txt']['id']}")
    assert [*outputs(ada, number)] == ["three.txt"]  # without another run it stays away
    asimov(root, "production", "set", f"platipy-{number}", "--status", "finished", "--yes")
    finish(root)
    assert ada.get(poll).json() == {"state": "SUCCESS"}
    assert [*outputs(ada, number)] == ["three.txt", "five.txt"]


def test_a_run_after_the_time_of_the_dataset_brings_no_files_back(ada, root, call):
    number, _, poll = call
    ids = sorted(each["id"] for each in ada.get("/api/dataobjects").json())
    over(root)
    assert [*outputs(ada, number)] == [None]
    with closing((workspace := Workspace.open(root)).journal):
        before = Datasets(workspace.journal).objects(number)
        (key,) = workspace.keys(f"platipy-{number}")
        workspace.move(key, "finished", "ada", "look again")
        workspace.move(key, "uploaded", "monitor", "its results are stored")
    assert ada.get(poll).json() == {"state": "SUCCESS"}
    with closing((workspace := Workspace.open(root)).journal):
        assert Datasets(workspace.journal).objects(number) == before
    assert sorted(each["id"] for each in ada.get("/api/dataobjects").json()) == ids
