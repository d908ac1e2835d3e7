"""Fetch a DICOM series from the server that has it, or send a series of results to one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.journal.datasets import DataObject, Datasets, Location
from asimov.journal.journal import Journal
from asimov.project.layout import Project
from asimov.server.platipy.dicom.files import arrived, keep, transfer_syntaxes

#: The most kinds of images that one association can be about.
_KINDS = 120


def fetch(project: Project, number: int, title: str) -> None:
    """Fetch a series, or have its source send it to our listener.

    Parameters
    ----------
    project
        The project.
    number
        The data object's number.
    title
        Our application entity's title.

    Raises
    ------
    AsimovError
        If it can't be fetched.
    """
    from pydicom.dataset import Dataset
    from pynetdicom import AE, StoragePresentationContexts, build_role, evt
    from pynetdicom import sop_class as models

    wanted, source = _about(project, number, "source")
    entity = AE(ae_title=title)
    handlers: list[Any] = []
    roles: list[Any] = []
    if wanted.retrieve == "GET":
        model = models.StudyRootQueryRetrieveInformationModelGet  # type: ignore[attr-defined]
        for each in StoragePresentationContexts[:_KINDS]:
            entity.add_requested_context(each.abstract_syntax or "", transfer_syntaxes())
            roles.append(build_role(each.abstract_syntax or "", scp_role=True))
        handlers = [(evt.EVT_C_STORE, lambda event: _take(project, wanted, event))]
    else:
        model = models.StudyRootQueryRetrieveInformationModelMove  # type: ignore[attr-defined]
    entity.add_requested_context(model, transfer_syntaxes())
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.SeriesInstanceUID = wanted.series
    with _association(entity, source, ext_neg=roles, evt_handlers=handlers) as peer:
        if wanted.retrieve == "GET":
            answers = peer.send_c_get(query, model)
        else:
            answers = peer.send_c_move(query, title, model)
        last = None
        for status, _ in answers:
            last = status
    _check(last, f"{wanted.retrieve} of the series {wanted.series}")
    if wanted.retrieve == "GET":
        with closing(Journal(project.journal)) as journal:
            arrived(project, journal, wanted, source.ae_title or "ANY-SCP")


def send(project: Project, number: int) -> None:
    """Send the files of an output.

    Parameters
    ----------
    project
        The project.
    number
        The data object's number.

    Raises
    ------
    AsimovError
        If they can't be sent.
    """
    from pydicom.filereader import read_file_meta_info
    from pynetdicom import AE, _config

    _config.STORE_SEND_CHUNKED_DATASET = True  # an image goes as it is, and never into memory
    made, target = _about(project, number, "target")
    place = project.path(made.file or "")
    files = sorted(each for each in place.rglob("*") if each.is_file()) or [place]
    kinds = set()
    for file in files:
        meta = read_file_meta_info(file)
        kinds.add((meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID))
    entity = AE(ae_title=project.config.get("platipy", "dicom title", fallback="ASIMOV"))
    for kind, syntax in sorted(kinds):
        entity.add_requested_context(kind, syntax)
    with _association(entity, target) as peer:
        for file in files:
            _check(peer.send_c_store(file), f"the file {file.name}")
    with closing(Database(project.journal)) as journal:
        Datasets(journal).sent(made.id)


def _about(project: Project, number: int, which: str) -> tuple[DataObject, Location]:
    with closing(Database(project.journal)) as journal:
        datasets = Datasets(journal)
        found = datasets.object(number)
        dataset = datasets.get(found.dataset) if found else None
        place = getattr(dataset, which) if dataset else None
        location = datasets.location(place) if place is not None else None
    if found is None or location is None:
        raise AsimovError(f"the data object {number} or its location no longer exists")
    return found, location


@contextmanager
def _association(entity: Any, place: Location, **options: Any) -> Iterator[Any]:
    peer = entity.associate(place.host, place.port, ae_title=place.ae_title or "ANY-SCP", **options)
    if not peer.is_established:
        raise AsimovError(f"there is no connection to {place.label} ({place.host}:{place.port})")
    try:
        yield peer
    finally:
        peer.release()


def _check(status: Any, what: str) -> None:
    code = getattr(status, "Status", None)
    if code != 0x0000:
        said = "no answer" if code is None else f"status 0x{code:04X}"
        raise AsimovError(f"{what}: {said}")


def _take(project: Project, wanted: DataObject, event: Any) -> int:
    """Keep an image that comes in answer to C-GET."""
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        event.dataset.file_meta = event.file_meta
        event.dataset.save_as(file.name, enforce_file_format=True)
        keep(project, wanted, Path(file.name))
    return 0x0000
