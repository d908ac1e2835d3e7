"""The cells in a folder of SPT's graphs: the specimen of each, and a graph that holds it.

A file ``NAME.h5`` in HDF5 is a graph: ``graph/histological_structure_ids`` are its cells, and the
scalar ``specimen`` is where they are from. ``feature_names.txt`` names the features, one a line.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.system.reading import opened_text
from asimov.text import quoted

_IDS = "graph/histological_structure_ids"
_FEATURES = "feature_names.txt"
_COLUMNS = ("histological_structure", "specimen", "graph")
#: What a graph must hold, besides what every check reads.
_PARTS = (
    *(f"graph/adj/{name}" for name in ("data", "indices", "indptr", "shape")),
    "graph/node_features", "graph/centroids", "label", "name", "set",
)  # fmt: skip


@dataclass
class Cells:
    """The cells of a folder of graphs.

    Attributes
    ----------
    specimens
        The specimen of each cell, by its id.
    graphs
        The first graph that holds each cell, by its id.
    """

    specimens: dict[int, str] = field(default_factory=dict)
    graphs: dict[int, str] = field(default_factory=dict)


def graph_files(folder: Path) -> list[Path]:
    """Return the graphs in a folder, in the order of their names."""
    return sorted(folder.glob("*.h5"))


def missing_parts(folder: Path) -> str | None:
    """Return what a folder lacks as an input, without opening its graphs; None if nothing."""
    if not folder.is_dir():
        return "is not a folder"
    if not graph_files(folder):
        return "contains no graph (NAME.h5)"
    return None if (folder / _FEATURES).is_file() else f"has no {_FEATURES}"


def state(folder: Path) -> dict[str, list[int]]:
    """Return the size and the time of change of each file in a folder, by its name."""
    found = {}
    for path in sorted(folder.glob("*")):
        status = path.stat()
        found[path.name] = [status.st_size, status.st_mtime_ns]
    return found


def cells_of(folder: Path) -> Cells:
    """Return the cells of all graphs in a folder.

    Raises
    ------
    AsimovError
        If a graph can't be read or lacks a part, or a cell is in two specimens.
    """
    cells = Cells()
    for path in graph_files(folder):
        ids, specimen = _read(path)
        for cell in ids:
            if cells.specimens.setdefault(cell, specimen) != specimen:
                raise AsimovError(
                    f"cell {cell} is of the specimen {quoted(specimen)} here, and of "
                    f"{quoted(cells.specimens[cell])} in {cells.graphs[cell]}",
                    where=path,
                )
            cells.graphs.setdefault(cell, path.name)
    return cells


def written(cells: Cells) -> str:
    """Return cells as CSV, to be kept with a run: its input may change or go away."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((cell, cells.specimens[cell], cells.graphs[cell]) for cell in cells.specimens)
    return text.getvalue()


def read(path: Path) -> Cells:
    """Return the cells that were written to a file.

    Raises
    ------
    AsimovError
        If it is not such a file.
    """
    cells = Cells()
    try:
        with opened_text(path, newline="") as stream:
            for row in csv.DictReader(stream):
                cell = int(row["histological_structure"])
                cells.specimens[cell], cells.graphs[cell] = row["specimen"], row["graph"]
    except (OSError, ValueError, KeyError) as error:
        raise AsimovError("the list of the input's cells can't be read", where=path) from error
    return cells


def _read(path: Path) -> tuple[list[int], str]:
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            for part in (_IDS, "specimen", *_PARTS):
                if part not in file:
                    raise AsimovError(f"the graph has no {part!r}", where=path)
            ids = [int(each) for each in file[_IDS][()].ravel()]
            specimen = file["specimen"][()]
    except (OSError, TypeError, ValueError) as error:
        raise AsimovError(f"the graph can't be read: {error}", where=path) from error
    text = specimen.decode(errors="replace") if isinstance(specimen, bytes) else str(specimen)
    return ids, text


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise AsimovError(
            "checking an SPT plugin's results needs the package h5py",
            hint="install it: pip install 'asimov[spt]'",
        ) from error
    return h5py
