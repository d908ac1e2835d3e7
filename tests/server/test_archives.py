"""Archives that are sent stay bytes, whatever they would unpack to, and links are not followed.

Crates, the only archives that asimov unpacks, come by a command: tests/cli/test_init_from.py.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from functools import cache, partial

import pytest
from starlette.testclient import TestClient

from asimov.server.app import application
from asimov.server.options import Options
from tests.conftest import snapshot
from tests.server.conftest import asking_from, made, new_key

#: What a bomb unpacks to.
ZEROS = 50_000_000


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("archives") / "project")


@pytest.fixture(scope="module")
def client(root):
    """Return a client with a key, in the header of our API and in that of PlatiPy's."""
    key = new_key(root, rate=10_000)
    headers = {"Authorization": f"Bearer {key}", "API_KEY": key}
    with TestClient(application(Options(root)), "http://127.0.0.1:8642") as made:
        yield asking_from(made, "127.0.0.1", **headers)


@cache
def zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside", bytes(ZEROS))
    return data.getvalue()


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("link/outside"))
    return data.getvalue()


def files(root):
    """Return what a request that is refused must not change."""
    kept = ("logs/", ".asimov/journal")
    return {name: each for name, each in snapshot(root).items() if not name.startswith(kept)}


def refused(answer, status):
    """Return what an answer says, in one line."""
    assert answer.status_code == status, answer.text
    said = answer.json()
    text = said["detail"] if "detail" in said else said["Error"]
    assert "\n" not in text
    return text


BLUEPRINT = b"{kind: subject, name: new}"
#: A few lines of YAML that stand for ten thousand million words.
LAUGHS = "\n".join(
    ["kind: subject", "name: new", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)
YAML, PACKED = {"Content-Type": "application/yaml"}, {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (zipped, YAML, 422, "is not UTF-8 text"),
        (zipped, {"Content-Type": "application/zip"}, 415, "application/zip"),
        (tarred, {"Content-Type": "application/gzip"}, 415, "application/gzip"),
        (partial(gzip.compress, BLUEPRINT), {**YAML, **PACKED}, 415, "not unpacked"),
        (LAUGHS.encode, YAML, 422, "alias"),
    ],
    ids=["a zip file", "a zip file, said to be one", "a tar file", "a packed body", "aliases"],
)
def test_our_api_unpacks_nothing(root, client, body, headers, status, why):
    before = files(root)
    assert why in refused(client.post("/v1/blueprints", content=body(), headers=headers), status)
    assert files(root) == before


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/v1/actions", "application/json"),
        ("/api/dataset", "application/x-www-form-urlencoded"),
        ("/api/dataobject", "multipart/form-data; boundary=x"),
        ("/plugins/any@v1/process/", "application/x-www-form-urlencoded"),
        ("/tasks/1/", "application/json"),
    ],
)
def test_no_body_is_unpacked(root, client, path, media):
    before = files(root)
    headers = {"Content-Type": media, **PACKED}
    answer = client.post(path, content=gzip.compress(bytes(ZEROS)), headers=headers)
    assert "'gzip' is not unpacked" in refused(answer, 415)
    assert answer.headers["accept-encoding"] == "identity"
    assert files(root) == before


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_that_is_a_data_object_stays_as_it_came(root, client, make):
    archive = make()
    dataset = client.post("/api/dataset").json()["id"]
    before = files(root)
    given = {"dataset": dataset, "type": "FILE", "file_name": "../bomb.zip"}
    answer = client.post("/api/dataobject", data=given, files={"file_data": archive})
    number = answer.json()["id"]
    (new,) = (name for name in files(root) if name not in before and (root / name).is_file())
    assert new.startswith(f"uploads/{dataset}/") and new.endswith("/bomb.zip")
    assert (root / new).read_bytes() == archive
    assert client.get(f"/api/dataobject/download/{number}").content == archive


@pytest.fixture
def outside(tmp_path):
    """Return a folder that is nobody's business, with a file."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    yield folder
    assert [each.name for each in folder.iterdir()] == ["secret"]
    assert (folder / "secret").read_bytes() == b"secret"


def sent(client, dataset, **more):
    given = {"dataset": dataset, "type": "FILE", "file_name": "x.txt", **more}
    return client.post("/api/dataobject", data=given, files={"file_data": b"x"})


@pytest.mark.parametrize(
    "more", [{}, {"type": "DICOM", "seriesUID": "1.2", "dicom_retrieve": "SEND"}]
)
def test_a_link_among_the_uploads_leads_no_file_elsewhere(root, client, outside, more):
    dataset = client.post("/api/dataset").json()["id"]
    link = root / "uploads" / str(dataset)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    before = files(root)
    assert f"uploads/{dataset} is a link" in refused(sent(client, dataset, **more), 503)
    assert files(root) == before
    assert client.get(f"/api/dataset/{dataset}").json()["input_data_objects"] == []
    link.unlink()
    assert sent(client, dataset, **more).status_code == 200


def test_files_that_come_are_not_led_elsewhere_by_a_link(root, client, outside):
    dataset = client.post("/api/dataset").json()["id"]
    sent(client, dataset)
    incoming = root / "uploads" / "incoming"
    incoming.rmdir()
    incoming.symlink_to(outside)
    assert "incoming is a link" in refused(sent(client, dataset), 503)
    incoming.unlink()


def test_a_link_in_a_series_is_replaced_and_not_followed(root, client, outside):
    dataset = client.post("/api/dataset").json()["id"]
    more = {"type": "DICOM", "seriesUID": "1.2", "dicom_retrieve": "SEND"}
    number = sent(client, dataset, **more, file_name="1.dcm").json()["id"]
    series = root / "uploads" / str(dataset) / str(number) / "1.2"
    for name, target in (("2.dcm", outside), ("3.dcm", outside / "secret")):
        (series / name).symlink_to(target)
        assert sent(client, dataset, **more, file_name=name).status_code == 200
        assert not (series / name).is_symlink()


def test_a_link_in_the_place_of_a_data_object_is_not_downloaded(root, client, outside):
    dataset = client.post("/api/dataset").json()["id"]
    number = sent(client, dataset).json()["id"]
    (file,) = (root / "uploads" / str(dataset)).rglob("x.txt")
    file.unlink()
    file.symlink_to(outside / "secret")
    assert "does not exist" in refused(client.get(f"/api/dataobject/download/{number}"), 404)
