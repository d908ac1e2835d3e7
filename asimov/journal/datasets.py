"""Datasets, their data objects, and the calls of functions on them, each owned by an access key.

A row outlives its file: a dataset that has expired still says what was in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from asimov.journal.database import Database
from asimov.journal.keys import Key

#: Selects the objects of datasets whose time is not over.
_NOT_OVER = "dataset IN (SELECT id FROM datasets WHERE expires > ? AND NOT expired)"


class Location(NamedTuple):
    """Where DICOM objects come from or go to."""

    id: int
    owner: str
    label: str
    host: str
    port: int
    ae_title: str | None


class Dataset(NamedTuple):
    """Data objects that belong together.

    Attributes
    ----------
    owner
        The name of the key that made it.
    made, expires
        In seconds since the epoch.
    source, target
        The DICOM locations that it comes from and goes to, by number.
    expired
        Whether its files were removed.
    """

    id: int
    owner: str
    made: float
    expires: float
    source: int | None
    target: int | None
    expired: bool


class DataObject(NamedTuple):
    """A file, or a folder of a DICOM series.

    Attributes
    ----------
    dataset
        The number of its dataset.
    is_input
        Whether somebody gave it; else a function made it.
    type
        ``FILE`` or ``DICOM``.
    file
        Its path as the project stores it; None while there is none.
    series
        The DICOM series.
    meta_data
        What was said of it.
    is_fetched, is_sent
        Whether it has arrived, and whether it was sent to its dataset's target.
    made
        In seconds since the epoch.
    parent
        The number of the object that it was made from.
    retrieve
        How a DICOM series comes: ``SEND``, ``MOVE`` or ``GET``; None of anything else.
    sender
        The title of the application entity that sent a DICOM series, as it gave it; None of what
        the owner of the dataset uploaded.
    """

    id: int
    dataset: int
    is_input: bool
    type: str
    file: str | None
    series: str | None
    meta_data: Any
    is_fetched: bool
    is_sent: bool
    made: float
    parent: int | None
    retrieve: str | None = None
    sender: str | None = None


class FunctionCall(NamedTuple):
    """A call of a function on a dataset: an analysis.

    Attributes
    ----------
    uid
        Its identity, which nobody can guess.
    inputs
        The numbers of the data objects, in the order in which the function gets them.
    listed
        Since when it was stored, in seconds since the epoch, when its outputs were last listed
        among the data objects; 0 if they never were. It may have been run again since.
    """

    uid: str
    dataset: int
    subject: str
    name: str
    function: str
    made: float
    inputs: Sequence[int]
    listed: float = 0.0

    @property
    def key(self) -> Key:
        """The analysis."""
        return Key(self.subject, self.name)


class Datasets:
    """The datasets of a project.

    Parameters
    ----------
    journal
        Where they are recorded.
    """

    def __init__(self, journal: Database) -> None:
        self._journal = journal

    # --- reading

    def locations(self, owner: str) -> list[Location]:
        """Return the DICOM locations of a key."""
        rows = self._journal.rows(
            f"SELECT {', '.join(Location._fields)} FROM dicom_locations WHERE owner = ? "
            "ORDER BY id",
            (owner,),
        )
        return [Location(*row) for row in rows]

    def location(self, number: int) -> Location | None:
        """Return a DICOM location."""
        rows = self._journal.rows(
            f"SELECT {', '.join(Location._fields)} FROM dicom_locations WHERE id = ?", (number,)
        )
        return Location(*rows[0]) if rows else None

    def owned(self, owner: str) -> list[Dataset]:
        """Return the datasets of a key."""
        return self._datasets("owner = ?", owner)

    def get(self, number: int) -> Dataset | None:
        """Return a dataset."""
        return next(iter(self._datasets("id = ?", number)), None)

    def due(self, now: float) -> list[Dataset]:
        """Return the datasets that have expired and still have files."""
        return self._datasets("expires <= ? AND NOT expired", now)

    def _datasets(self, where: str, *values: Any) -> list[Dataset]:
        rows = self._journal.rows(
            f"SELECT {', '.join(Dataset._fields)} FROM datasets WHERE {where} ORDER BY id", values
        )
        return [Dataset._make((*row[:6], bool(row[6]))) for row in rows]

    def objects(self, dataset: int) -> list[DataObject]:
        """Return the data objects of a dataset."""
        return self._objects("dataset = ?", dataset)

    def object(self, number: int) -> DataObject | None:
        """Return a data object."""
        return next(iter(self._objects("id = ?", number)), None)

    def expected(self, series: str, now: float) -> list[DataObject]:
        """Return the inputs that wait, or waited, for a DICOM series to be sent."""
        where = f"is_input AND retrieve IN ('SEND', 'MOVE') AND series = ? AND {_NOT_OVER}"
        return self._objects(where, series, now)

    def to_fetch(self, now: float) -> list[DataObject]:
        """Return the inputs that are to be fetched from the sources of their datasets."""
        return self._objects("retrieve IN ('MOVE', 'GET') AND NOT is_fetched AND " + _NOT_OVER, now)

    def to_send(self, now: float) -> list[DataObject]:
        """Return the outputs that are to be sent to the targets of their datasets."""
        return self._objects(
            "type = 'DICOM' AND NOT is_input AND NOT is_sent AND file IS NOT NULL AND "
            f"dataset IN (SELECT id FROM datasets WHERE target IS NOT NULL) AND {_NOT_OVER}",
            now,
        )

    def _objects(self, where: str, *values: Any) -> list[DataObject]:
        rows = self._journal.rows(
            f"SELECT {', '.join(DataObject._fields)} FROM data_objects WHERE {where} "
            "AND NOT removed ORDER BY id",
            values,
        )
        found = [DataObject._make(row) for row in rows]
        return [
            each._replace(
                is_input=bool(each.is_input),
                meta_data=msgspec.json.decode(each.meta_data),
                is_fetched=bool(each.is_fetched),
                is_sent=bool(each.is_sent),
            )
            for each in found
        ]

    def call(self, uid: str) -> FunctionCall | None:
        """Return a call."""
        return next(iter(self._calls("uid = ?", uid)), None)

    def calls(self, dataset: int) -> list[FunctionCall]:
        """Return the calls on a dataset, in their order."""
        return self._calls("dataset = ?", dataset)

    def _calls(self, where: str, *values: Any) -> list[FunctionCall]:
        rows = self._journal.rows(
            f"SELECT {', '.join(FunctionCall._fields)} FROM function_calls WHERE {where} "
            "ORDER BY made, uid",
            values,
        )
        return [FunctionCall._make((*row[:6], msgspec.json.decode(row[6]), row[7])) for row in rows]

    # --- writing

    def add_location(self, new: Location) -> Location:
        """Add a DICOM location; its number is given here."""
        return new._replace(id=self._insert("dicom_locations", new._asdict()))

    def add(self, new: Dataset) -> Dataset:
        """Add a dataset; its number is given here."""
        return new._replace(id=self._insert("datasets", new._asdict()))

    def add_object(self, new: DataObject) -> DataObject:
        """Add a data object; its number is given here."""
        row = {**new._asdict(), "meta_data": msgspec.json.encode(new.meta_data).decode()}
        return new._replace(id=self._insert("data_objects", row))

    def remove_object(self, number: int) -> None:
        """Remove a data object; what was made from it has no parent any more."""
        with self._journal.durably():
            self._journal.write(
                "UPDATE data_objects SET removed = 1, file = NULL WHERE id = ?", (number,)
            )
            self._journal.write("UPDATE data_objects SET parent = NULL WHERE parent = ?", (number,))

    def add_call(self, new: FunctionCall) -> None:
        """Add a call; do it in the transaction that adds the analysis."""
        row = {**new._asdict(), "inputs": msgspec.json.encode(new.inputs).decode()}
        self._journal.write(_insertion("function_calls", row), tuple(row.values()))

    def arrived(self, number: int, file: str, sender: str | None = None) -> bool:
        """Record that a data object has arrived; return False if its dataset has expired."""
        with self._journal.durably():
            changed = self._journal.write(
                "UPDATE data_objects SET file = ?, is_fetched = 1, sender = ? WHERE id = ? "
                "AND NOT removed AND dataset IN (SELECT id FROM datasets WHERE NOT expired)",
                (file, sender, number),
            )
        return bool(changed)

    def sent(self, number: int) -> None:
        """Record that a data object was sent to its dataset's target."""
        self._journal.write("UPDATE data_objects SET is_sent = 1 WHERE id = ?", (number,))

    def list_outputs(
        self, call: FunctionCall, since: float, folder: str, outputs: Iterable[DataObject]
    ) -> None:
        """List the outputs of a call, once for each time that it is stored.

        Those that were listed before keep their numbers where the file is the same, and are removed
        where it is not made any more.

        Parameters
        ----------
        call
            The call.
        since
            Since when it is stored.
        folder
            Where its results are, as the project stores it.
        outputs
            Its outputs; their numbers are given here. A parent below zero is the output before,
            from -1 on.
        """
        with self._journal.durably():
            done = self._journal.write(
                "UPDATE function_calls SET listed = ? WHERE uid = ? AND listed = ?",
                (since, call.uid, call.listed),
            )
            if not done:
                return
            before: dict[str, list[int]] = {}
            for each in self.objects(call.dataset):
                if not each.is_input and each.file and each.file.startswith(f"{folder}/"):
                    before.setdefault(each.file, []).append(each.id)
            there = list(outputs)
            numbers = [self._list(each, before.get(each.file or "", [])) for each in there]
            for left in before.values():
                for number in left:
                    self.remove_object(number)
            for number, each in zip(numbers, there, strict=True):
                parent = each.parent
                if parent is not None and parent < 0:
                    parent = numbers[-parent - 1]
                self._journal.write(
                    "UPDATE data_objects SET parent = ? WHERE id = ?", (parent, number)
                )

    def _list(self, new: DataObject, before: list[int]) -> int:
        """Add an output, or replace one of its file that was listed before; return its number."""
        if not before:
            return self.add_object(new._replace(parent=None)).id
        number = before.pop(0)
        meta_data = msgspec.json.encode(new.meta_data).decode()
        self._journal.write(
            "UPDATE data_objects SET type = ?, series = ?, meta_data = ?, is_sent = 0, made = ? "
            "WHERE id = ?",
            (new.type, new.series, meta_data, new.made, number),
        )
        return number

    def expire(self, dataset: int) -> None:
        """Record that the files of a dataset are gone."""
        with self._journal.durably():
            self._journal.write("UPDATE datasets SET expired = 1 WHERE id = ?", (dataset,))
            self._journal.write(
                "UPDATE data_objects SET file = NULL, is_fetched = 0 WHERE dataset = ?", (dataset,)
            )

    def prolong(self, dataset: int, now: float, seconds: float) -> None:
        """Have a dataset whose time is over stay for some seconds more."""
        self._journal.write(
            "UPDATE datasets SET expires = ? WHERE id = ? AND expires <= ? AND NOT expired",
            (now + seconds, dataset, now),
        )

    def _insert(self, table: str, row: dict[str, Any]) -> int:
        del row["id"]
        with self._journal.durably():
            self._journal.write(_insertion(table, row), tuple(row.values()))
            ((number,),) = self._journal.rows("SELECT last_insert_rowid()")
        return int(number)


def _insertion(table: str, row: dict[str, Any]) -> str:
    places = ", ".join("?" * len(row))
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"
