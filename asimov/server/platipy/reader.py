"""Answer what PlatiPy's clients ask: algorithms, datasets, data objects and states of calls.

A key sees what is its own; anything else does not exist for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.journal.datasets import DataObject, Dataset, Datasets, Location
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.platipy.algorithms import algorithms, are_known
from asimov.server.platipy.states import is_due, is_over, state
from asimov.server.platipy.uploads import UPLOADS
from asimov.server.stored_files import check_stored
from asimov.system import clock

#: How an answer begins that can be given once the outputs of some calls are listed.
Answer = tuple[Any, list[str]]


class DatasetReader:
    """Answers questions; each answer has the calls whose outputs should be listed before it.

    Parameters
    ----------
    workspace
        The project as it is now.
    owner
        The name of the key that asks.
    """

    def __init__(self, workspace: Workspace, owner: str) -> None:
        self._workspace = workspace
        self._owner = owner
        self._datasets = Datasets(workspace.journal)

    def answer(self, question: str, *arguments: Any) -> Answer:
        """Return the answer to a question, which is the name of a method.

        Raises
        ------
        FaultError
            If there is none.
        """
        return getattr(self, question)(*arguments)  # type: ignore[no-any-return]

    def algorithms(self) -> Answer:
        """Return the algorithms, and whether it is known what there are."""
        root = self._workspace.project.root
        return (algorithms(root), are_known(root)), []

    def locations(self) -> Answer:
        """Return the DICOM locations."""
        return [location_data(each) for each in self._datasets.locations(self._owner)], []

    def datasets(self) -> Answer:
        """Return the datasets, with what is in them."""
        found = self._datasets.owned(self._owner)
        return [self._data(each) for each in found], self._due(found)

    def dataset(self, number: str) -> Answer:
        """Return a dataset, with what is in it."""
        found = owned_dataset(self._datasets, self._owner, number)
        return self._data(found), self._due([found])

    def ready(self, number: str) -> Answer:
        """Return whether a dataset has objects, and all of them."""
        found = owned_dataset(self._datasets, self._owner, number)
        inputs = [each for each in self._datasets.objects(found.id) if each.is_input]
        ready = not self._is_over(found) and bool(inputs) and all(e.is_fetched for e in inputs)
        return {"ready": ready}, []

    def objects(self) -> Answer:
        """Return the data objects of all datasets."""
        found = self._datasets.owned(self._owner)
        shown = [one for each in found for one in self._objects(each)]
        return shown, self._due(found)

    def object(self, number: str) -> Answer:
        """Return a data object."""
        dataset, found = owned_object(self._datasets, self._owner, number)
        return next(one for one in self._objects(dataset) if one["id"] == found.id), []

    def file(self, number: str) -> Answer:
        """Return the path of a data object's file."""
        dataset, found = owned_object(self._datasets, self._owner, number)
        if found.type != "FILE":
            raise FaultError(400, "only data objects of type FILE can be downloaded")
        path = None if found.file is None else self._workspace.project.path(found.file)
        if path is None or self._is_over(dataset) or not self._is_kept(path):
            raise FaultError(404, "the file does not exist; it may have expired")
        check_stored(self._workspace, path)
        return path, []

    def _is_kept(self, path: Path) -> bool:
        """Return whether a file is there, and a link leads to no other."""
        project = self._workspace.project
        folders = (project.root / UPLOADS, project.results)
        inside = any(path.resolve().is_relative_to(each.resolve()) for each in folders)
        return inside and path.is_file()

    def status(self, uid: str) -> Answer:
        """Return the state of a call."""
        found = self._datasets.call(uid)
        dataset = self._datasets.get(found.dataset) if found else None
        if found is None or dataset is None or dataset.owner != self._owner:
            raise FaultError(404, "there is no such task")
        due = [found.uid] if is_due(self._workspace, found) else []
        return state(self._workspace, found), due

    # --- as JSON

    def _due(self, datasets: list[Dataset]) -> list[str]:
        return [
            call.uid
            for each in datasets
            for call in self._datasets.calls(each.id)
            if is_due(self._workspace, call)
        ]

    def _is_over(self, dataset: Dataset) -> bool:
        return has_expired(self._workspace, self._datasets, dataset)

    def _data(self, dataset: Dataset) -> dict[str, Any]:
        source, target = (
            self._datasets.location(each) if each is not None else None
            for each in (dataset.source, dataset.target)
        )
        objects = self._objects(dataset)
        return {
            "id": dataset.id,
            "owner_key": dataset.owner,
            "timestamp": moment(dataset.made),
            "timeout": moment(dataset.expires),
            "from_dicom_location": location_data(source) if source else None,
            "from_dicom_location_id": dataset.source,
            "to_dicom_location": location_data(target) if target else None,
            "to_dicom_location_id": dataset.target,
            "input_data_objects": [each for each in objects if each["is_input"]],
            "output_data_objects": [each for each in objects if not each["is_input"]],
        }

    def _objects(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Return the objects of a dataset, each with those that were made from it."""
        over = self._is_over(dataset)
        found = self._datasets.objects(dataset.id)
        shown = {each.id: object_data(each, over) for each in found}
        for each in found:
            if each.parent in shown:
                shown[each.parent]["children"].append(shown[each.id])
        return list(shown.values())


def chores(workspace: Workspace) -> dict[str, Any]:
    """Return what is to be done: whether uploads have expired, which series to fetch, and so on."""
    datasets, root = Datasets(workspace.journal), workspace.project.root
    due = datasets.due(clock.now())
    return {
        "expired": any(has_expired(workspace, datasets, each) for each in due),
        "uploads": (root / "uploads").is_dir(),
        "modules": not are_known(root),
        "fetch": [each.id for each in datasets.to_fetch(clock.now())],
        "send": [each.id for each in datasets.to_send(clock.now())],
    }


def has_expired(workspace: Workspace, datasets: Datasets, dataset: Dataset) -> bool:
    """Return whether a dataset's time is over; it is not while a call on it is at work."""
    if dataset.expired:
        return True
    if clock.now() < dataset.expires:
        return False
    return all(is_over(workspace, each) for each in datasets.calls(dataset.id))


def owned_dataset(datasets: Datasets, owner: str, number: str) -> Dataset:
    """Return a dataset of a key.

    Raises
    ------
    FaultError
        If there is none of that number, or it is another key's.
    """
    found = datasets.get(int(number)) if _is_number(number) else None
    if found is None or found.owner != owner:
        raise FaultError(404, "there is no such dataset")
    return found


def owned_object(datasets: Datasets, owner: str, number: str) -> tuple[Dataset, DataObject]:
    """Return a data object of a key, and its dataset.

    Raises
    ------
    FaultError
        If there is none of that number, or it is another key's.
    """
    found = datasets.object(int(number)) if _is_number(number) else None
    dataset = datasets.get(found.dataset) if found else None
    if found is None or dataset is None or dataset.owner != owner:
        raise FaultError(404, "there is no such data object")
    return dataset, found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15


def object_data(each: DataObject, over: bool) -> dict[str, Any]:
    """Return a data object as JSON, without those that were made from it."""
    return {
        "id": each.id,
        "dataset_id": each.dataset,
        "is_input": each.is_input,
        "path": None if each.file is None or over else Path(each.file).name,
        "type": each.type,
        "series_instance_uid": each.series,
        "meta_data": each.meta_data,
        "status": None,
        "is_fetched": each.is_fetched and not over,
        "is_sent": each.is_sent,
        "timestamp": moment(each.made),
        "parent_id": each.parent,
        "children": [],
    }


def location_data(each: Location) -> dict[str, Any]:
    """Return a DICOM location as JSON."""
    return {
        "id": each.id,
        "name": each.label,
        "host": each.host,
        "port": each.port,
        "ae_title": each.ae_title,
        "owner_key": each.owner,
    }


def moment(seconds: float) -> str:
    """Return a time in ISO 8601, UTC, to the millisecond and without zone.

    Examples
    --------
    >>> moment(0.25)
    '1970-01-01T00:00:00.250'
    """
    whole, milli = divmod(round(seconds * 1000), 1000)
    return f"{clock.iso(whole).removesuffix('Z')}.{milli:03d}"
