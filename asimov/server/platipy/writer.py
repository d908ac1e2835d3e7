"""Make the changes that PlatiPy's clients request: add data, and run functions on it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from asimov.configuration import acting_for
from asimov.engine.apply import apply
from asimov.journal.datasets import DataObject, Dataset, Datasets, FunctionCall, Location
from asimov.ledger import blueprints, documents
from asimov.ledger.plan import Plan
from asimov.pipelines.function.manifest import manifest
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from asimov.server.faults import Fault, FaultError
from asimov.server.platipy.algorithms import algorithm, algorithms
from asimov.server.platipy.arguments import wrong
from asimov.server.platipy.names import file_name, slug
from asimov.server.platipy.reader import (
    has_expired,
    location_data,
    object_data,
    owned_dataset,
    owned_object,
)
from asimov.server.platipy.states import is_due, stored_since
from asimov.server.platipy.uploads import INCOMING, UPLOADS, add_file, folder_of, make_folder
from asimov.server.processes.recorded import accepted_if_recorded
from asimov.system import clock
from asimov.system.disk import sync_path

#: The most data objects of a dataset, and the longest chain of their parents.
_OBJECTS, _CHAIN = 2000, 50
#: A function's name, a dataset's number, and the function's settings.
Order = tuple[str, str, "dict[str, Any] | None"]
#: The seconds for which outputs can be fetched that came after their dataset's time.
_GRACE = 600.0


class DatasetWriter:
    """Acts for a key.

    Parameters
    ----------
    workspace
        The open project.
    owner
        The name of the key.
    """

    def __init__(self, workspace: Workspace, owner: str) -> None:
        self._workspace = workspace
        self._owner = owner
        self._datasets = Datasets(workspace.journal)
        self._uploads = workspace.project.root / UPLOADS

    def do(self, what: str, *arguments: Any) -> Any:
        """Do something, which is the name of a method, and return what it says.

        Raises
        ------
        FaultError
            If it was not done.
        """
        return getattr(self, what)(*arguments)

    def algorithms(self) -> list[dict[str, Any]]:
        """Return the algorithms; modules that have changed are imported for that."""
        return algorithms(self._workspace.project.root)

    def add_location(self, name: str, host: str, port: int, title: str | None) -> dict[str, Any]:
        """Add a DICOM location."""
        return location_data(
            self._datasets.add_location(Location(0, self._owner, name, host, port, title))
        )

    def add_dataset(self, source: str | None, target: str | None, hours: float) -> int:
        """Add a dataset; return its number."""
        places = {str(each.id): each.id for each in self._datasets.locations(self._owner)}
        for each in (source, target):
            if each is not None and each not in places:
                raise FaultError(404, "there is no such DICOM location")
        now = clock.now()
        comes, goes = (None if each is None else places[each] for each in (source, target))
        new = Dataset(0, self._owner, now, now + hours * 3600, comes, goes, expired=False)
        return self._datasets.add(new).id

    def add_object(
        self, dataset: str, new: dict[str, Any], upload: Path | None, name: str
    ) -> dict[str, Any]:
        """Add a data object to a dataset; its upload becomes a file of the project."""
        found = owned_dataset(self._datasets, self._owner, dataset)
        there = {each.id: each for each in self._datasets.objects(found.id)}
        parent = self._parent(there, new.get("parent"))
        if has_expired(self._workspace, self._datasets, found):
            raise FaultError(400, "the dataset has expired")
        if len(there) >= _OBJECTS:
            raise FaultError(400, f"a dataset may have {_OBJECTS} data objects")
        if upload is not None:
            make_folder(self._workspace.project, self._uploads / str(found.id))
        retrieve = new.get("dicom_retrieve")
        if retrieve in {"MOVE", "GET"} and found.source is None:
            raise wrong(
                "from_dicom_location", f"{retrieve} needs a dataset with a from_dicom_location"
            )
        if new["type"] == "DICOM":
            return self._add_series(found, new, parent, upload, name)
        stored = None
        if upload is not None:
            folder = self._uploads / str(found.id) / uuid.uuid4().hex[:8]
            make_folder(self._workspace.project, folder)
            place = folder / file_name(name)
            upload.rename(place)
            for each in (folder, *folder.parents[:3]):
                sync_path(each)
            stored = self._workspace.project.stored(place)
        made = self._datasets.add_object(
            DataObject(
                0, found.id, True, new["type"], stored, new.get("series"), new.get("meta_data"),
                stored is not None, False, clock.now(), parent,
            )
        )  # fmt: skip
        return object_data(made, over=False)

    def _add_series(
        self, dataset: Dataset, new: dict[str, Any], parent: int | None, upload: Path | None,
        name: str,
    ) -> dict[str, Any]:  # fmt: skip
        """Add a DICOM series, or a file to one that is there."""
        made = None
        if upload is not None:
            known = (e for e in self._datasets.objects(dataset.id) if e.series == new["series"])
            made = next((e for e in known if e.is_input and e.type == "DICOM"), None)
        made = made or self._datasets.add_object(
            DataObject(
                0, dataset.id, True, "DICOM", None, new["series"], new.get("meta_data"), False,
                False, clock.now(), parent, new["dicom_retrieve"],
            )
        )  # fmt: skip
        if upload is not None:
            project = self._workspace.project
            add_file(project, made, upload, name)
            self._datasets.arrived(made.id, project.stored(folder_of(project, made)))
        now = self._datasets.object(made.id)
        return object_data(now or made, over=False)

    def _parent(self, there: dict[int, DataObject], given: str | None) -> int | None:
        """Return the number of an object's parent."""
        if given is None:
            return None
        found = next((each for each in there if str(each) == given), None)
        if found is None:
            raise FaultError(404, "there is no such parent data object in the dataset")
        above: int | None = found
        for _ in range(_CHAIN):
            above = there[above].parent if above in there else None
            if above is None:
                return found
        raise FaultError(400, f"a chain of parents may have {_CHAIN} data objects")

    def remove_object(self, number: str) -> None:
        """Remove a data object, if there is one."""
        try:
            dataset, found = owned_object(self._datasets, self._owner, number)
        except FaultError:
            return
        self._datasets.remove_object(found.id)
        used = any(found.id in each.inputs for each in self._datasets.calls(dataset.id))
        if found.is_input and found.file and not used:
            # What a function was called with goes when the dataset expires.
            place = self._workspace.project.path(found.file)
            shutil.rmtree(place.parent, ignore_errors=True)

    def trigger(self, orders: list[Order]) -> list[str | Fault]:
        """Add analyses that call functions on datasets, in one transaction if that can be.

        Returns
        -------
        list
            For each order the identity of the call, or why there is none.
        """
        self._workspace.reload()
        made: list[tuple[FunctionCall, dict[str, Any]] | Fault] = []
        for order in orders:
            try:
                made.append(self._call(*order))
            except FaultError as error:
                made.append(error.fault)
        new = [each for each in made if not isinstance(each, Fault)]
        refusals: dict[str, Fault] = {}
        try:
            self._apply(new)
        except FaultError:  # find out whose fault it is
            for one in new:
                try:
                    self._apply([one])
                except FaultError as error:
                    refusals[one[0].uid] = error.fault
        return [
            each if isinstance(each, Fault) else refusals.get(each[0].uid, each[0].uid)
            for each in made
        ]

    def _call(
        self, name: str, number: str, config: dict[str, Any] | None
    ) -> tuple[FunctionCall, dict[str, Any]]:
        """Return a call and its analysis, which are not in the project yet."""
        function = algorithm(self._workspace.project.root, name)
        if function is None:
            raise FaultError(404, f"there is no algorithm {name!r}")
        dataset = owned_dataset(self._datasets, self._owner, number)
        inputs = [each for each in self._datasets.objects(dataset.id) if each.is_input]
        if not inputs:
            raise FaultError(400, "the dataset has no data objects")
        if has_expired(self._workspace, self._datasets, dataset) or not all(
            each.is_fetched for each in inputs
        ):
            raise FaultError(400, "the dataset has data objects that have not been fetched")
        uid = str(uuid.uuid4())
        call = FunctionCall(
            uid, dataset.id, self._subject(dataset), f"{slug(name)}-{uid[:8]}", name, clock.now(),
            [each.id for each in inputs],
        )  # fmt: skip
        return call, {
            "kind": "analysis",
            "subject": call.subject,
            "name": call.name,
            "comment": f"{name}, for the key {self._owner}",
            "pipeline": "function",
            "function": f"{function.module}:{function.name}",
            "inputs": [_input(each) for each in inputs],
            **({} if config is None else {"settings": config, "defaults": False}),
        }

    def _subject(self, dataset: Dataset) -> str:
        """Return the subject of a dataset, or a name for one."""
        calls = self._datasets.calls(dataset.id)
        there = self._workspace.contents.subjects
        if calls and calls[-1].subject in there:
            return calls[-1].subject
        name = f"platipy-{dataset.id}"
        number = 1
        while name in there:  # of a person, or of a journal that was lost
            number += 1
            name = f"platipy-{dataset.id}-{number}"
        return name

    def _apply(self, new: list[tuple[FunctionCall, dict[str, Any]]]) -> None:
        """Add analyses to the ledger and their calls to the journal: all, or none."""
        if not new:
            return
        there = self._workspace.contents.subjects
        subjects = dict.fromkeys(call.subject for call, _ in new if call.subject not in there)
        added = [{"kind": "subject", "name": each} for each in subjects]
        by = f"key {self._owner}"

        def record(plan: Plan) -> None:
            for call, _ in new:
                self._datasets.add_call(call)

        def recorded() -> bool:
            return self._datasets.call(new[0][0].uid) is not None

        with accepted_if_recorded(recorded, 400), acting_for(by):
            text = "---\n".join(documents.dump(each) for each in [*added, *(a for _, a in new)])
            apply(
                self._workspace,
                blueprints.parse(text, "the request"),
                command=f"POST /api/trigger with the {by}",
                force=True,
                besides=record,
            )

    # --- what follows from the project's own progress

    def list_outputs(self, calls: Iterable[str]) -> None:
        """List the outputs of calls whose results are stored among their data objects."""
        for uid in calls:
            call = self._datasets.call(uid)
            if call is None or not is_due(self._workspace, call):
                continue
            since = stored_since(self._workspace, call)
            dataset = self._datasets.get(call.dataset)
            over = call.listed and dataset is not None and dataset.expired
            outputs = () if over else self._outputs(call)  # what has expired does not come back
            folder = self._workspace.project.stored(self._folder(call))
            self._datasets.list_outputs(call, since, folder, outputs)
            self._datasets.prolong(call.dataset, clock.now(), _GRACE)

    def _outputs(self, call: FunctionCall) -> Iterator[DataObject]:
        """Yield the outputs of a call; the parent of one is an input, or an output before it."""
        folder = self._folder(call)
        there = {each.id for each in self._datasets.objects(call.dataset)}
        now = clock.now()
        made = manifest(folder)
        places = {each["id"]: n for n, each in enumerate(made, 1)}
        for each in made:
            parent = each.get("parent")
            if parent in places:
                parent = -places[parent]
            elif isinstance(parent, int) and 0 < parent <= len(call.inputs):
                parent = call.inputs[parent - 1]
                parent = parent if parent in there else None
            else:
                parent = None
            stored = self._workspace.project.stored(folder / each["path"])
            yield DataObject(
                0, call.dataset, False, each["type"], stored, each.get("series"),
                each.get("metadata"), False, False, now, parent,
            )  # fmt: skip

    def _folder(self, call: FunctionCall) -> Path:
        return Store(self._workspace.project.results).root.joinpath(*call.key)

    def expire(self) -> None:
        """Remove the uploads of datasets whose time is over; their rows stay."""
        for dataset in self._datasets.due(clock.now()):
            if has_expired(self._workspace, self._datasets, dataset):
                shutil.rmtree(self._uploads / str(dataset.id), ignore_errors=True)
                self._datasets.expire(dataset.id)

    def clean(self, age: float) -> None:
        """Remove what a service that was killed has left half-way, after so many seconds."""
        for each in (self._uploads / INCOMING).glob("*"):
            if each.lstat().st_mtime < clock.now() - age:
                each.unlink(missing_ok=True)


def _input(each: DataObject) -> dict[str, Any]:
    shown = {"path": each.file, "type": each.type, "metadata": each.meta_data}
    return {name: value for name, value in shown.items() if value is not None}
