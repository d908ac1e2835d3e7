"""PlatiPy's protocol, row by row of its table: `row` names the call that a test is about."""

from __future__ import annotations

import json
import re

import pytest

from asimov.project.workspace import Workspace
from tests.server.conftest import asking_from
from tests.server.platipy.conftest import asimov

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"


def dataset(client, **given):
    answer = client.post("/api/dataset", data=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def upload(client, number, text="some text", name="a.txt", **more):
    answer = client.post(
        "/api/dataobject",
        data={"dataset": number, "type": "FILE", "file_name": name, **more},
        files={"file_data": (name, text)},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer, status, key="Error"):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == [key]
    return answer.json()[key]


# --- keys


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/algorithm"), ("POST", "/api/dataset"), ("GET", "/api/datasets"),
        ("GET", "/api/dataset/1"), ("GET", "/api/dataset/ready/1"), ("POST", "/api/dataobject"),
        ("GET", "/api/dataobject/1"), ("DELETE", "/api/dataobject/1"), ("GET", "/api/dataobjects"),
        ("GET", "/api/dataobject/download/1"), ("GET", "/api/dicomlocation"),
        ("POST", "/api/dicomlocation"), ("POST", "/api/trigger"), ("GET", "/api/status/x"),
    ],
)  # fmt: skip
def test_every_call_needs_a_key_also_on_loopback(nobody, keys, method, path):
    for headers in ({}, {"API_KEY": "wrong"}, {"Authorization": f"Bearer {keys['ada']}"}):
        error(nobody.request(method, path, headers=headers), 401, "message")
        if method == "GET":
            break  # strangers may ask only so often


def test_fault_no_page_is_open_to_all(nobody):
    far = asking_from(nobody, "192.0.2.9")
    for path in ("/", "/status", "/log"):  # upstream shows them to everybody
        assert far.get(path).status_code == 401


def test_a_key_that_only_reads_changes_nothing(nobody, keys):
    headers = {"API_KEY": keys["reader"]}
    assert nobody.get("/api/datasets", headers=headers).json() == []
    assert "may only read" in error(nobody.post("/api/dataset", headers=headers), 403, "message")


def test_keys_own_their_data(ada, bob):
    mine = dataset(ada)
    one = upload(ada, mine["id"])
    place = ada.post("/api/dicomlocation", data={"name": "p", "host": "h", "port": 104}).json()
    for path in ("dataset", "dataset/ready", "dataobject", "dataobject/download"):
        number = one["id"] if "object" in path else mine["id"]
        error(bob.get(f"/api/{path}/{number}"), 404)
    for path in ("datasets", "dataobjects", "dicomlocation"):
        assert bob.get(f"/api/{path}").json() == []
    given = {"dataset": mine["id"], "type": "FILE", "file_name": "x"}
    error(bob.post("/api/dataobject", data=given, files={"file_data": b"x"}), 404)
    error(bob.post("/api/trigger", data={"dataset": mine["id"], "algorithm": "Two Arguments"}), 404)
    error(bob.post("/api/dataset", data={"from_dicom_location": place["id"]}), 404)
    assert bob.delete(f"/api/dataobject/{one['id']}").json() == 200
    assert ada.get(f"/api/dataobject/{one['id']}").json()["path"] == "a.txt"


# --- GET /api/algorithm


def test_row_algorithm(ada):
    assert ada.get("/api/algorithm").json() == [
        {
            "name": "Show Settings",
            "default_settings": {"a": 1, "deep": {"b": [2], "c": None}},
        },
        {"name": "Two Arguments", "default_settings": None},
    ]


# --- datasets


def test_row_dataset(ada):
    places = [
        ada.post("/api/dicomlocation", data={"name": name, "host": "h", "port": "104"}).json()
        for name in ("from", "to")
    ]
    given = {"from_dicom_location": places[0]["id"], "to_dicom_location": places[1]["id"]}
    made = dataset(ada, timeout=2, **given)
    assert re.fullmatch(MOMENT, made["timestamp"])
    assert re.fullmatch(MOMENT, made["timeout"])
    assert made == {
        "id": made["id"], "owner_key": "ada", "timestamp": made["timestamp"],
        "timeout": made["timeout"], "from_dicom_location": places[0],
        "from_dicom_location_id": places[0]["id"], "to_dicom_location": places[1],
        "to_dicom_location_id": places[1]["id"], "input_data_objects": [],
        "output_data_objects": [],
    }  # fmt: skip
    assert ada.get(f"/api/dataset/{made['id']}").json() == made
    assert made in ada.get("/api/datasets").json()
    plain = dataset(ada)
    assert plain["from_dicom_location"] is plain["to_dicom_location_id"] is None


@pytest.mark.parametrize("given", ["x", "-1", "1e999", "nan", "", "1" * 30])
def test_row_dataset_a_timeout_is_a_number_of_hours(ada, given):
    assert (
        "hours"
        in error(ada.post("/api/dataset", data={"timeout": given}), 400, "message")["timeout"]
    )


@pytest.mark.parametrize("number", ["0", "x", "-1", "9" * 40, "1.0"])
def test_row_dataset_one_that_is_unknown(ada, number):
    error(ada.get(f"/api/dataset/{number}"), 404)
    error(ada.get(f"/api/dataset/ready/{number}"), 404)
    given = {"dataset": number, "type": "FILE", "file_name": "x"}
    error(ada.post("/api/dataobject", data=given, files={"file_data": b"x"}), 404)
    error(ada.post("/api/dataset", data={"to_dicom_location": number}), 404)


def test_row_ready(ada):
    made = dataset(ada)
    address = f"/api/dataset/ready/{made['id']}"
    assert ada.get(address).json() == {"ready": False}
    upload(ada, made["id"])
    assert ada.get(address).json() == {"ready": True}
    source = ada.post("/api/dicomlocation", data={"name": "s", "host": "h", "port": "1"}).json()
    made = dataset(ada, from_dicom_location=source["id"])
    given = {"dataset": made["id"], "type": "DICOM", "seriesUID": "1.2", "dicom_retrieve": "SEND"}
    waits = ada.post("/api/dataobject", data=given).json()
    assert (waits["type"], waits["series_instance_uid"]) == ("DICOM", "1.2")
    assert waits["is_fetched"] is False
    assert ada.get(f"/api/dataset/ready/{made['id']}").json() == {"ready": False}
    given = {"algorithm": "Two Arguments", "dataset": made["id"]}
    assert "not been fetched" in error(ada.post("/api/trigger", data=given), 400)


# --- data objects


def test_row_dataobject(ada):
    made = dataset(ada)
    first = upload(ada, made["id"], meta_data=json.dumps({"a": [1.5, None, "ü"]}))
    assert re.fullmatch(MOMENT, first["timestamp"])
    assert first == {
        "id": first["id"], "dataset_id": made["id"], "is_input": True, "path": "a.txt",
        "type": "FILE", "series_instance_uid": None, "meta_data": {"a": [1.5, None, "ü"]},
        "status": None, "is_fetched": True, "is_sent": False, "timestamp": first["timestamp"],
        "parent_id": None, "children": [],
    }  # fmt: skip
    second = upload(ada, made["id"], parent=first["id"])
    assert second["parent_id"] == first["id"]
    now = ada.get(f"/api/dataobject/{first['id']}").json()
    assert now == {**first, "children": [second]}
    assert ada.get(f"/api/dataset/{made['id']}").json()["input_data_objects"] == [now, second]
    assert [each for each in ada.get("/api/dataobjects").json() if each == now] == [now]


def test_row_dataobject_delete_answers_200_also_where_there_is_none(ada, root):
    made = dataset(ada)
    one = upload(ada, made["id"])
    folder = root / "uploads" / str(made["id"])
    assert [each.name for each in folder.rglob("*.txt")] == ["a.txt"]
    for number in (one["id"], one["id"], "0", "x"):
        answer = ada.delete(f"/api/dataobject/{number}")
        assert (answer.status_code, answer.json()) == (200, 200)
    assert not list(folder.rglob("*.txt"))
    error(ada.get(f"/api/dataobject/{one['id']}"), 404)


def test_row_dataobject_what_is_refused_leaves_nothing_behind(ada, root):
    made = dataset(ada)
    there = {"dataset": made["id"], "type": "FILE", "file_name": "a"}
    dicom = {"dataset": made["id"], "type": "DICOM", "dicom_retrieve": "GET", "seriesUID": "1"}
    file = {"file_data": b"some"}

    def message(given, files=file, **query):
        answer = ada.post("/api/dataobject", data=given, files=files, params=query)
        return list(error(answer, 400, "message"))

    def without(given, name):
        return {key: value for key, value in given.items() if key != name}

    assert message(without(there, "dataset")) == ["dataset"]
    assert message(without(there, "type")) == ["type"]
    assert message({**there, "type": "file"}) == ["type"]
    assert message(without(there, "file_name")) == ["file_name"]
    assert message(there, {"other": b"x"}) == ["file_data"]
    assert message(without(dicom, "dicom_retrieve")) == ["dicom_retrieve"]
    assert message({**dicom, "dicom_retrieve": "FETCH"}) == ["dicom_retrieve"]
    assert message(without(dicom, "seriesUID")) == ["seriesUID"]
    assert message(dicom) == ["from_dicom_location"]
    answer = ada.post("/api/dataobject", data={**there, "parent": "0"}, files=file)
    error(answer, 404)
    for wrong in ("{", "[1, NaN]", "1e999", '"\\ud800"', "[" * 100_000):
        given = {**there, "meta_data": wrong}
        assert "JSON" in error(ada.post("/api/dataobject", data=given, files=file), 400)
    assert ada.get(f"/api/dataset/{made['id']}").json() == made
    assert [each.name for each in (root / "uploads" / "incoming").iterdir()] == []
    assert not (root / "uploads" / str(made["id"])).exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../escaped.txt", "escaped.txt"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows.ini", "windows.ini"),
        ("..", "file"),
        (".hidden", "hidden"),
        ("a\r\nSet-Cookie: x", "a__Set-Cookie: x"),
        ('quo"te; x', "quo_te; x"),
        ("x" * 300 + ".nii.gz", "x" * 193 + ".nii.gz"),
    ],
)
def test_fault_names_of_files_do_not_leave_their_folder(ada, root, given, kept):
    made = dataset(ada)
    answer = ada.post(
        "/api/dataobject",
        params={"file_name": given},
        data={"dataset": made["id"], "type": "FILE"},
        files={"file_data": ("x", "content")},
    )
    one = answer.json()
    assert one["path"] == kept
    (stored,) = (each for each in root.rglob("*") if each.name == kept)
    assert stored.is_relative_to(root / "uploads" / str(made["id"]))
    got = ada.get(f"/api/dataobject/download/{one['id']}")
    assert got.headers["content-disposition"] == f"attachment; filename={kept}"
    assert got.text == "content"


def test_row_download(ada, root):
    made = dataset(ada)
    one = upload(ada, made["id"], text="0123456789", name="größe 1.txt")
    assert one["path"] == "größe 1.txt"
    answer = ada.get(f"/api/dataobject/download/{one['id']}")
    assert (answer.status_code, answer.text) == (200, "0123456789")
    # The client takes all that follows as the name, and has it as Latin-1.
    disposition = answer.headers["content-disposition"]
    assert disposition.split("filename=")[1] == "gro_e 1.txt"
    given = {"dataset": made["id"], "type": "DICOM", "seriesUID": "1.2", "dicom_retrieve": "SEND"}
    series = ada.post("/api/dataobject", data=given).json()
    error(ada.get(f"/api/dataobject/download/{series['id']}"), 400)
    error(ada.get("/api/dataobject/download/0"), 404)
    for each in (root / "uploads" / str(made["id"])).rglob("*.txt"):
        each.unlink()
    error(ada.get(f"/api/dataobject/download/{one['id']}"), 404)


# --- DICOM locations


def test_row_dicomlocation(ada):
    given = {"name": "pacs", "host": "pacs.example", "port": "104", "ae_title": "PACS"}
    for title in ("A" * 17, "A\\B", "A\tB", " ", "Ä"):
        refused = ada.post("/api/dicomlocation", data={**given, "ae_title": title})
        assert "16" in error(refused, 400, "message")["ae_title"]
    made = ada.post("/api/dicomlocation", data=given).json()
    assert made == {**given, "id": made["id"], "port": 104, "owner_key": "ada"}
    assert made in ada.get("/api/dicomlocation").json()
    # A host is never taken from the header that every request has.
    for name in ("name", "host", "port"):
        less = {key: value for key, value in given.items() if key != name}
        assert list(error(ada.post("/api/dicomlocation", data=less), 400, "message")) == [name]
    for port in ("x", "0", "65536", "1.5", "\uff11"):
        answer = ada.post("/api/dicomlocation", data={**given, "port": port})
        assert list(error(answer, 400, "message")) == ["port"]


# --- arguments


def test_arguments_come_by_query_form_or_header(ada):
    hours = []
    for how in (
        {"params": {"timeout": "5"}},
        {"data": {"timeout": "5"}},
        {"files": {"timeout": (None, "5")}},
        {"headers": {"timeout": "5"}},
        {"params": {"timeout": "5"}, "data": {"timeout": "7"}, "headers": {"timeout": "8"}},
    ):
        made = ada.post("/api/dataset", **how).json()
        hours.append(int(made["timeout"][11:13]) - int(made["timestamp"][11:13]))
    assert {each % 24 for each in hours} == {5}


# --- POST /api/trigger and GET /api/status


def test_row_trigger_refuses_what_can_not_run(ada, root):
    made = dataset(ada)
    given = {"algorithm": "Show Settings", "dataset": made["id"]}
    assert "no data objects" in error(ada.post("/api/trigger", data=given), 400)
    upload(ada, made["id"])
    for name in ("algorithm", "dataset"):
        less = {key: value for key, value in given.items() if key != name}
        assert list(error(ada.post("/api/trigger", data=less), 400, "message")) == [name]
    error(ada.post("/api/trigger", data={**given, "algorithm": "show settings"}), 404)
    error(ada.post("/api/trigger", data={**given, "dataset": "0"}), 404)
    for config in ("{", "no", "[1]", "7", '"text"'):  # upstream answers 500
        error(ada.post("/api/trigger", data={**given, "config": config}), 400)
    assert not list((root / "ledger" / "subjects").glob(f"platipy-{made['id']}*"))


def test_fault_a_status_that_is_unknown_or_foreign_is_404(ada, bob, done):
    error(ada.get("/api/status/2c0f2a7e-0000-0000-0000-000000000000"), 404)
    error(ada.get("/api/status/x"), 404)
    for poll in done["polls"].values():
        error(bob.get(poll), 404)


#: Settings that a format in between could change.
HARD = {
    "text": "1e5", "yes": "no", "number": 1e22, "null": None, "empty": {}, "list": [], "ü": "é\n",
    "deep": {"0x10": [{"~": ""}, [None, True]]}, "template": "{{ 7 * 7 }} {% x %} $HOME %(x)s",
    "large": 2**60, "small": 1e-7, "date": "2026-01-01", "two words": " both ends ",
}  # fmt: skip


@pytest.fixture(scope="module")
def done(ada, root):
    """Trigger several functions, and run them."""
    made = dataset(ada)
    inputs = [
        upload(ada, made["id"], "one", "one.txt", meta_data='{"k": 1e22}'),
        upload(ada, made["id"], "two", "two [2].txt"),
    ]
    broken = dataset(ada)
    upload(ada, broken["id"], "boom", "bad.txt")
    calls = {
        "defaults": {"algorithm": "Show Settings", "dataset": made["id"]},
        "config": {
            "algorithm": "Show Settings", "dataset": made["id"], "config": json.dumps(HARD),
        },
        "two": {"algorithm": "Two Arguments", "dataset": made["id"]},
        "fails": {"algorithm": "Show Settings", "dataset": broken["id"]},
    }  # fmt: skip
    polls = {}
    for name, given in calls.items():
        answer = ada.post("/api/trigger", data=given)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["poll"]
        polls[name] = answer.json()["poll"]
        assert re.fullmatch(r"/api/status/[0-9a-f-]{36}", polls[name])
        if name == "defaults":
            assert ada.get(polls[name]).json() == {
                "state": "PENDING", "current": 0, "total": 1, "status": "Pending...",
            }  # fmt: skip
    asimov(root, "monitor", "--chain", "--until-idle", code=3)  # one is stuck
    states = {name: ada.get(poll).json() for name, poll in polls.items()}
    now = ada.get(f"/api/dataset/{made['id']}").json()
    return {"polls": polls, "states": states, "dataset": now, "inputs": inputs}


def test_row_status_at_the_end(done):
    states = done["states"]
    for name in ("defaults", "config", "two"):
        assert states[name] == {"state": "SUCCESS"}
    # The reason of a task that failed is not lost: it is the text of the exception alone.
    assert states["fails"] == {
        "state": "FAILURE", "status": "boom in bad.txt", "current": 1, "total": 1,
    }  # fmt: skip


def test_outputs_of_every_trigger_are_in_the_one_dataset(ada, done):
    outputs = done["dataset"]["output_data_objects"]
    names = [each["path"] for each in outputs]
    each_time = ["settings.json", "of-one.txt", "of-two [2].txt", "of-two [2].txt"]
    assert sorted(names) == sorted([*each_time, *each_time, "two.txt"])
    assert not any(each["is_input"] for each in outputs)
    for each in outputs:
        assert ada.get(f"/api/dataobject/download/{each['id']}").status_code == 200


def test_an_output_has_the_parent_that_its_function_named(ada, done):
    first, second = done["inputs"]
    outputs = done["dataset"]["output_data_objects"]
    from_first = [each for each in outputs if each["path"] == "of-one.txt"]
    assert {each["parent_id"] for each in from_first} == {first["id"]}
    assert from_first[0]["meta_data"] == {"k": 1e22}
    from_second = [each for each in outputs if each["path"] == "of-two [2].txt"]
    made = [each for each in from_second if each["parent_id"] == second["id"]]
    assert len(made) == 2
    again = [each for each in from_second if each not in made]
    assert {each["parent_id"] for each in again} == {each["id"] for each in made}
    settings = [each for each in outputs if each["path"] == "settings.json"]
    assert [each["parent_id"] for each in settings] == [None, None]
    assert settings[0]["meta_data"] == {"n": 2}
    (one,) = (e for e in done["dataset"]["input_data_objects"] if e["id"] == first["id"])
    assert one["children"] == from_first


def test_config_replaces_the_defaults_whole_and_unchanged(ada, done):
    settings = [
        ada.get(f"/api/dataobject/download/{each['id']}").json()
        for each in done["dataset"]["output_data_objects"]
        if each["path"] == "settings.json"
    ]
    expected = [HARD, {"a": 1, "deep": {"b": [2], "c": None}}]
    assert sorted(settings, key=len) == sorted(expected, key=len)


def test_a_dataset_is_a_subject_and_a_trigger_an_analysis(done, root):
    workspace = Workspace.open(root, reading=True)
    number = done["dataset"]["id"]
    keys = workspace.keys(f"platipy-{number}")
    assert len(keys) == 3
    entry = workspace.contents.entries[keys[0]].data
    assert (entry["pipeline"], entry["function"]) == ("function", "service:Show Settings")
    assert entry["inputs"][1]["path"].endswith("/two [2].txt")
    event = workspace.journal.events(*keys[0])[0]
    assert event.reason == "added by POST /api/trigger with the key ada"
    workspace.journal.close()


def test_fault_a_removed_or_stopped_analysis_is_no_task_that_waits_for_ever(ada, root):
    made = dataset(ada)
    upload(ada, made["id"])
    given = {"algorithm": "Two Arguments", "dataset": made["id"]}
    polls = [ada.post("/api/trigger", data=given).json()["poll"] for _ in range(2)]
    workspace = Workspace.open(root, reading=True)
    first, second = workspace.keys(f"platipy-{made['id']}")
    workspace.journal.close()
    asimov(root, "cancel", str(first), "--reason", "not wanted", "--yes")
    asimov(root, "rm", str(second), "--yes")
    states = [ada.get(poll).json() for poll in polls]
    assert {each["state"] for each in states} == {"FAILURE"}
    assert any("not wanted" in each["status"] for each in states)
