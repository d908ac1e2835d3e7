"""DICOM files: which series they are of, and the folder that they are kept in."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from asimov.journal.database import Database
from asimov.journal.datasets import DataObject, Datasets
from asimov.project.layout import Project
from asimov.server.platipy.uploads import add_file, folder_of


def series_of(path: str | Path) -> str:
    """Return the UID of the series that a file is of.

    Raises
    ------
    AttributeError
        If it has none.
    """
    from pydicom import dcmread

    tags = ["SeriesInstanceUID"]
    return str(dcmread(path, stop_before_pixels=True, specific_tags=tags).SeriesInstanceUID)


def keep(project: Project, series: DataObject, path: Path) -> None:
    """Keep a copy of a file in the folder of its series, under the image's own UID."""
    from pydicom import dcmread

    tags = ["SOPInstanceUID"]
    uid = dcmread(path, stop_before_pixels=True, specific_tags=tags).SOPInstanceUID
    folder = folder_of(project, series)
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle, copy = tempfile.mkstemp(dir=folder.parent, prefix=".")
    with os.fdopen(handle, "wb") as target, path.open("rb") as source:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    add_file(project, series, Path(copy), f"{uid}.dcm")


def arrived(project: Project, journal: Database, series: DataObject) -> None:
    """Record that a series has arrived, if it has files; what came too late goes."""
    folder = folder_of(project, series)
    if folder.is_dir() and not Datasets(journal).arrived(series.id, project.stored(folder)):
        shutil.rmtree(folder.parent, ignore_errors=True)
