"""What clients upload: its limits, its end, and forms that are none."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from asimov.journal.datasets import Datasets
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.platipy import multipart as module
from asimov.server.platipy.dicom.files import arrived
from asimov.server.platipy.states import state
from asimov.server.platipy.upload_places import UploadPlaces
from asimov.server.platipy.uploads import folder_of
from asimov.server.platipy.writer import DatasetWriter
from asimov.system import clock
from tests.server.platipy.client import Client, form
from tests.server.platipy.conftest import asimov
from tests.server.platipy.test_protocol import dataset, error, upload

MEDIA = "multipart/form-data; boundary=3b1f2c5e9a"


def acting(root, owner=""):
    workspace = Workspace.open(root)
    return closing(workspace.journal), DatasetWriter(workspace, owner)


def test_files_go_when_the_time_of_their_dataset_is_over_and_rows_stay(ada, root):
    made, kept = dataset(ada, timeout="0.5"), dataset(ada, timeout=2)
    one, two = upload(ada, made["id"]), upload(ada, kept["id"])
    now = clock.now()
    later, doing = acting(root)
    with later, clock.replaced(lambda: now + 3600):
        doing.expire()
    folder = root / "uploads"
    assert not (folder / str(made["id"])).exists()
    assert (folder / str(kept["id"])).exists()
    (row,) = ada.get(f"/api/dataset/{made['id']}").json()["input_data_objects"]
    assert row == {**one, "path": None, "is_fetched": False}
    assert ada.get(f"/api/dataset/ready/{made['id']}").json() == {"ready": False}
    error(ada.get(f"/api/dataobject/download/{one['id']}"), 404)
    assert ada.get(f"/api/dataobject/download/{two['id']}").status_code == 200
    given = {"algorithm": "Two Arguments", "dataset": made["id"]}
    error(ada.post("/api/trigger", data=given), 400)
    given = {"dataset": made["id"], "type": "FILE", "file_name": "x"}
    answer = ada.post("/api/dataobject", data=given, files={"file_data": b"x"})
    assert "expired" in error(answer, 400)


def test_files_are_kept_while_a_function_is_to_run_on_them(ada, root):
    made = dataset(ada, timeout="0.5")
    one = upload(ada, made["id"])
    given = {"algorithm": "Two Arguments", "dataset": made["id"]}
    ada.post("/api/trigger", data=given)
    now = clock.now()
    later, doing = acting(root)
    with later, clock.replaced(lambda: now + 3600):
        doing.expire()
    assert ada.get(f"/api/dataobject/download/{one['id']}").status_code == 200


def test_what_a_killed_service_has_left_half_way_goes_later(root):
    left = root / "uploads" / "incoming" / "left"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    later, doing = acting(root)
    with later:
        doing.clean(3600)
        assert left.exists()
        now = clock.now()
        with clock.replaced(lambda: now + 7200):
            doing.clean(3600)
    assert not left.exists()


def test_an_upload_that_is_too_large_is_refused(ada):
    headers = {"Content-Type": MEDIA, "Content-Length": str(5_000_000_000)}
    answer = ada.post("/api/dataobject", content=b"", headers=headers)
    assert "4000000000 bytes" in error(answer, 413)


def test_a_key_may_have_as_many_places_as_are_free():
    places, held = UploadPlaces(10), []
    for key, number in (("ada", 5), ("bob", 3), ("eve", 1), ("joe", 1)):
        taken = ExitStack()
        held.append(taken)
        for _ in range(number):
            taken.enter_context(places.taken(key))
        with pytest.raises(FaultError, match="too many uploads") as refused, places.taken(key):
            raise AssertionError("it has more than are free")
        assert refused.value.fault.status == 503
    with pytest.raises(FaultError, match="at once"), places.taken("nobody"):
        raise AssertionError("there is none")
    held[0].close()
    with places.taken("bob"):  # the fourth of ten, while five were free
        pass
    for each in held:
        each.close()
    with ExitStack() as all_again:
        for _ in range(5):
            all_again.enter_context(places.taken("ada"))


def test_uploads_of_one_key_leave_a_place_for_another(root, keys, serve, capfd):
    service = serve(root)
    numbers = {name: Client(service.address, keys[name]).post("/api/dataset")["id"]
               for name in ("often", "bob")}  # fmt: skip
    body = form({"dataset": numbers["often"], "type": "FILE", "file_name": "x"}, bytes(1000))
    head = (
        f"POST /api/dataobject HTTP/1.1\r\nHost: 127.0.0.1\r\nAPI_KEY: {keys['often']}\r\n"
        f"Content-Type: {MEDIA}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    where = urlsplit(service.address)
    incoming = root / "uploads" / "incoming"
    with ExitStack() as opened:
        coming = []
        for number in range(101):
            if number == 100:
                while len([*incoming.glob("*")]) < 100:  # the others are being taken
                    time.sleep(0.02)
            one = socket.create_connection((where.hostname, where.port), timeout=60)
            coming.append(opened.enter_context(closing(one)))
            one.sendall(head.encode() + body[:-100])
        (refused := HTTPResponse(coming[-1])).begin()
        assert refused.status == 503 and b"too many uploads with this key" in refused.read()
        assert refused.headers["retry-after"] == "2"
        uploaded = Client(service.address, keys["bob"]).upload(numbers["bob"], "y.txt", b"y")
        assert uploaded["is_fetched"]
        coming[0].sendall(body[-100:])
        (taken := HTTPResponse(coming[0])).begin()
        assert taken.status == 200
    while any(incoming.iterdir()):  # that the others were aborted is being seen
        time.sleep(0.02)
    service.end()
    assert "Traceback" not in capfd.readouterr().err


def test_a_form_may_have_so_many_parts(ada, monkeypatch):
    given = {"dataset": "1", "type": "FILE", "file_name": "x"}
    monkeypatch.setattr(module, "_PARTS", 3)
    answer = ada.post("/api/dataobject", content=form(given, b"x"), headers={"Content-Type": MEDIA})
    assert "3 parts" in error(answer, 413)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        form({"dataset": 1}, b"x")[:-10],
        form({"dataset": 1}, b"x").replace(b"dataset", b"\xff\xfe"),
        form({"dataset": b"\xff"}, b"x").replace(b"b'\\xff'", b"\xff"),
        form({"dataset": 1}, b"x").replace(b"dataset", b"file_data"),
        b"--3b1f2c5e9a\r\n" + b"x" * 100_000,
    ],
)
def test_a_form_that_is_none_is_refused_and_leaves_nothing(ada, root, body):
    answer = ada.post("/api/dataobject", content=body, headers={"Content-Type": MEDIA})
    assert answer.status_code == 400, answer.text
    assert not [each for each in (root / "uploads" / "incoming").glob("*") if each.name != "left"]
    for media in ("multipart/form-data", "multipart/form-data; boundary="):
        answer = ada.post("/api/dataobject", content=body, headers={"Content-Type": media})
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("body", [b"%ff=x", b"\xff=x", b"a=1&" * 101 + b"b=1"])
def test_a_form_without_a_file_that_is_none_is_refused(ada, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    error(ada.post("/api/dataset", content=body, headers=headers), 400)


def test_keys_are_listed_as_platipy_lists_them(root, keys):
    said = asimov(root, "manage", "key", "--list", "--format", "platipy")
    assert f"ada: {keys['ada'][:8]} (Admin: False)" in said.splitlines()
    assert keys["ada"] not in said


def stored(root, key):
    """Have the results of an analysis stored, and listed as its outputs; nothing runs."""
    workspace = Workspace.open(root)
    with closing(workspace.journal) as journal:
        journal.write("UPDATE analyses SET status = 'uploaded' WHERE (subject, name) = (?, ?)", key)
        since = "SELECT since FROM analyses WHERE (subject, name) = (?, ?)"
        journal.write(
            f"UPDATE function_calls SET listed = ({since}) WHERE (subject, name) = (?, ?)",
            (*key, *key),
        )


def called(ada, root):
    """Return a dataset with a call, its upload, the analysis, and where its state is asked for."""
    made = dataset(ada, timeout="0.5")
    one = upload(ada, made["id"])
    given = {"algorithm": "Two Arguments", "dataset": made["id"]}
    poll = ada.post("/api/trigger", data=given).json()["poll"]
    with closing((workspace := Workspace.open(root, reading=True)).journal):
        (key,) = workspace.keys(f"platipy-{made['id']}")
    return one, key, poll


def over(root):
    """Remove what has expired, an hour from now."""
    now = clock.now()
    later, doing = acting(root)
    with later, clock.replaced(lambda: now + 3600):
        doing.expire()


def test_files_are_kept_while_a_person_has_a_call_run_again(ada, root):
    one, key, _ = called(ada, root)
    stored(root, key)
    asimov(root, "rerun", str(key), "--yes")
    over(root)
    assert ada.get(f"/api/dataobject/download/{one['id']}").status_code == 200
    stored(root, key)
    over(root)
    assert ada.get(f"/api/dataobject/download/{one['id']}").status_code == 404


def test_a_mistake_in_a_ledger_file_ends_no_call_and_removes_no_file(ada, root):
    """An analysis that can't be read now, or is missing, is not one that was removed."""
    one, key, poll = called(ada, root)
    path = root / "ledger" / "subjects" / f"{key.subject}.yaml"
    text = path.read_text()
    for wrong in ("{", f"kind: subject\nname: {key.subject}\n"):
        path.write_text(wrong)
        over(root)
        with closing((workspace := Workspace.open(root, reading=True)).journal):
            found = Datasets(workspace.journal).call(poll.rpartition("/")[2])
            assert state(workspace, found)["state"] == "PENDING"
    path.write_text(text)
    assert ada.get(f"/api/dataobject/download/{one['id']}").status_code == 200


def test_an_output_can_be_downloaded_after_its_analysis_got_another_name(ada, root):
    one, key, _ = called(ada, root)
    stored(root, key)
    (root / "made").write_bytes(b"made")
    workspace = Workspace.open(root)
    with closing(workspace.journal) as journal:
        Store(workspace.project.results).add_file(*key, root / "made", "inner/made.txt")
        objects = Datasets(journal)
        (given,) = objects.objects(one["dataset_id"])
        file = f"results/{key.subject}/{key.name}/inner/made.txt"
        made = objects.add_object(given._replace(is_input=False, file=file))
    asimov(root, "mv", str(key), "renamed")
    assert ada.get(f"/api/dataobject/download/{made.id}").content == b"made"


def test_what_comes_for_an_expired_dataset_is_not_kept(ada, root):
    """Uploads live until the dataset's timeout; also a series that is sent later."""
    made = dataset(ada, timeout="0.5")
    given = {"dataset": made["id"], "type": "DICOM", "seriesUID": "1.2", "dicom_retrieve": "SEND"}
    series = ada.post("/api/dataobject", data=given).json()["id"]
    over(root)
    workspace = Workspace.open(root)
    with closing(workspace.journal) as journal:
        objects = Datasets(journal)
        assert objects.expected("1.2", clock.now()) == []
        waited = objects.object(series)
        folder = folder_of(workspace.project, waited)
        folder.mkdir(parents=True)  # its last image came while it expired
        arrived(workspace.project, journal, waited, "SENDER")
        assert not folder.parent.exists()
        assert not objects.object(series).is_fetched
