"""DICOM series: uploaded file by file, and over the network of this machine with real peers."""

from __future__ import annotations

import io
import socket
import time
import zlib
from contextlib import closing

import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from asimov.journal.datasets import DataObject, Dataset, Datasets, Location
from asimov.project.workspace import Workspace
from asimov.server.platipy.dicom.peers import send
from asimov.system import clock
from tests.conftest import stop_local_scheduler
from tests.ports import kept_port
from tests.server.platipy.client import Client
from tests.server.platipy.conftest import asimov
from tests.server.platipy.test_protocol import dataset, error

MODULE = """
import shutil
from pathlib import Path
from asimov.functions import DataObject, app

@app.register("Copy Series")
def copy(data_objects, working_dir):
    path = Path(working_dir, "copied")
    shutil.copytree(data_objects[0].path, path)
    return [DataObject(type="DICOM", path=str(path), parent=data_objects[0],
                       series_instance_uid=data_objects[0].series_instance_uid)]
"""


@pytest.fixture(scope="module", autouse=True)
def no_runner(root):
    yield
    stop_local_scheduler(root.parent)


def image(series, number=1, syntax=ExplicitVRLittleEndian):
    """Return an image of two by two pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    made = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    made.SeriesInstanceUID, made.StudyInstanceUID = series, "1.2.3"
    made.PatientID, made.InstanceNumber = "p", number
    made.Rows = made.Columns = 2
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 15, 0, 1
    made.PhotometricInterpretation, made.PixelData = "MONOCHROME2", bytes(8)
    return made


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return False
    return True


def until(value):
    end = time.monotonic() + 180
    while not (found := value()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_a_series_is_a_folder_of_files_that_are_uploaded_one_by_one(ada, root):
    made, series = dataset(ada), generate_uid()
    given = {"dataset": made["id"], "type": "DICOM", "seriesUID": series, "dicom_retrieve": "SEND"}
    numbers = set()
    for name in ("1.dcm", "../2.dcm"):
        data = io.BytesIO()
        image(series).save_as(data)
        answer = ada.post(
            "/api/dataobject",
            data={**given, "file_name": name},
            files={"file_data": data.getvalue()},
        )
        one = answer.json()
        numbers.add(one["id"])
        assert (one["is_fetched"], one["path"], one["series_instance_uid"]) == (
            True,
            series,
            series,
        )
    assert len(numbers) == 1
    folder = root / "uploads" / str(made["id"])
    files = [each.relative_to(folder) for each in folder.rglob("*.dcm")]
    assert {str(each.parent.name) for each in files} == {series}
    assert {each.name for each in files} == {"1.dcm", "2.dcm"}
    assert ada.get(f"/api/dataset/ready/{made['id']}").json() == {"ready": True}
    error(ada.get(f"/api/dataobject/download/{numbers.pop()}"), 400)


class Pacs:
    """An archive: keeps what it is sent, and gives it to whoever asks or wants it moved."""

    def __init__(self) -> None:
        self.images = []
        self.unpacks = True
        #: In which transfer syntaxes it was asked for images.
        self.syntaxes = set()
        self.listener = None
        entity = AE("PACS")
        entity.supported_contexts = AllStoragePresentationContexts
        for each in entity.supported_contexts:
            each.scp_role = each.scu_role = True
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelMove)
        entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        handlers = [
            (evt.EVT_C_STORE, self._store), (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
        ]  # fmt: skip
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self._server.server_address[1]

    def _store(self, event):
        if not self.unpacks:
            self.images.append(event.context.transfer_syntax)
            return 0x0000
        received = event.dataset
        received.file_meta = event.file_meta
        self.images.append(received)
        return 0x0000

    def _found(self, event):
        wanted = event.identifier.SeriesInstanceUID
        return [each for each in self.images if each.SeriesInstanceUID == wanted]

    def _get(self, event):
        for each in event.assoc.requestor.requested_contexts:
            self.syntaxes.update(each.transfer_syntax)
        found = self._found(event)
        yield len(found)
        for each in found:
            yield 0xFF00, each

    def _move(self, event):
        yield "127.0.0.1", self.listener
        yield from self._get(event)

    def end(self):
        self._server.shutdown()


@pytest.fixture
def pacs():
    made = Pacs()
    yield made
    made.end()


def sent(port, images, title="ASIMOV", syntax=ExplicitVRLittleEndian):
    """Send images to a listener; return the statuses, or None without a connection."""
    entity = AE("SENDER")
    entity.add_requested_context(CTImageStorage, syntax)
    peer = entity.associate("127.0.0.1", port, ae_title=title)
    if not peer.is_established:
        return None
    statuses = [peer.send_c_store(each).Status for each in images]
    peer.release()
    return statuses


@pytest.fixture
def port():
    """Return a port for the service's own listener."""
    with kept_port() as kept:
        yield kept


def test_series_come_and_go_over_the_network(root, keys, serve, pacs, port):
    (root / "dicoms.py").write_text(MODULE)
    asimov(root, "configuration", "update", "functions/modules", "service dicoms")
    pacs.listener = port
    asimov(root, "configuration", "update", "platipy/dicom port", str(port))
    service = serve(root, "--monitor")
    ada = Client(service.address, keys["ada"])
    place = {"name": "pacs", "host": "127.0.0.1", "port": pacs.port, "ae_title": "PACS"}
    place = ada.post("/api/dicomlocation", **place)["id"]
    number = ada.post("/api/dataset", from_dicom_location=place, to_dicom_location=place)["id"]
    series = {how: generate_uid() for how in ("SEND", "GET", "MOVE")}
    for how in ("GET", "MOVE"):
        pacs.images += [image(series[how], n) for n in range(3)]
    objects = {
        how: ada.post("/api/dataobject", dataset=number, type="DICOM", seriesUID=uid,
                      dicom_retrieve=how)["id"]
        for how, uid in series.items()
    }  # fmt: skip

    # What nobody waits for is refused, and so is who calls another title, or sends what a few kB of
    # which may unpack to GB of memory.
    until(lambda: listens(port))
    packed = image(series["SEND"], syntax=DeflatedExplicitVRLittleEndian)
    assert sent(port, [packed], syntax=DeflatedExplicitVRLittleEndian) is None
    assert sent(port, [image(generate_uid())]) == [0xA900]
    assert sent(port, [image(series["SEND"])], "OTHER") is None
    assert ada.get(f"/api/dataset/ready/{number}") == {"ready": False}
    assert sent(port, [image(series["SEND"], n) for n in range(3)]) == [0, 0, 0]
    until(lambda: ada.get(f"/api/dataset/ready/{number}")["ready"])
    for how, each in objects.items():
        folder = root / "uploads" / str(number) / str(each) / series[how]
        assert len(list(folder.glob("*.dcm"))) == 3, how
    assert DeflatedExplicitVRLittleEndian not in pacs.syntaxes

    # Who sent each is known, as it calls itself: DICOM knows no keys.
    with closing(Workspace.open(root, reading=True).journal) as journal:
        given = {each.id: each.sender for each in Datasets(journal).objects(number)}
        assert given == {
            objects["SEND"]: "SENDER", objects["GET"]: "PACS", objects["MOVE"]: "PACS",
        }  # fmt: skip
        told = {
            (each.actor, each.reason)
            for each in journal.events("", "", 100)
            if each.kind == "received"
        }
    about = "the DICOM series {} for the dataset {}"
    assert ("DICOM SENDER", about.format(series["SEND"], number)) in told
    assert len(told) == 3

    # The output goes where the dataset goes.
    pacs.images.clear()
    assert ada.run(number, "Copy Series") == {"state": "SUCCESS"}

    def output():
        (made,) = ada.get(f"/api/dataset/{number}")["output_data_objects"]
        return made if made["is_sent"] else None

    made = until(output)
    assert (made["type"], made["path"], made["parent_id"]) == ("DICOM", "copied", objects["SEND"])
    assert made["series_instance_uid"] in {None, series["SEND"]}
    assert [str(each.SeriesInstanceUID) for each in pacs.images] == [series["SEND"]] * 3


def test_an_output_is_sent_as_it_is_and_not_unpacked_for_that(root, pacs, monkeypatch):
    """A function may return what a client sent; it goes on without being read as a whole."""
    series, folder = generate_uid(), root / "results" / "packed"
    folder.mkdir(parents=True)
    packed = image(series, syntax=DeflatedExplicitVRLittleEndian)
    packed.PixelData = bytes(50_000_000)
    packed.save_as(folder / "1.dcm")
    assert (folder / "1.dcm").stat().st_size < 100_000
    workspace = Workspace.open(root)
    with closing(workspace.journal) as journal:
        datasets = Datasets(journal)
        place = datasets.add_location(Location(0, "ada", "pacs", "127.0.0.1", pacs.port, "PACS"))
        now = clock.now()
        dataset = datasets.add(Dataset(0, "ada", now, now + 3600, None, place.id, expired=False))
        made = datasets.add_object(
            DataObject(0, dataset.id, False, "DICOM", "results/packed", series, None, False, False,
                       now, None)
        )  # fmt: skip
        monkeypatch.setattr(zlib, "decompress", None)
        pacs.unpacks = False
        send(workspace.project, made.id)
        assert datasets.object(made.id).is_sent
    assert pacs.images == [DeflatedExplicitVRLittleEndian]
