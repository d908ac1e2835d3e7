"""Folders of uploaded files, and one for each DICOM series, with a file for each image."""

from __future__ import annotations

from pathlib import Path

from asimov.journal.datasets import DataObject
from asimov.project.layout import Project
from asimov.server.faults import FaultError
from asimov.server.platipy.names import file_name
from asimov.system.disk import sync_path

#: The project's folder of what clients upload, and the one in it for files as they come.
UPLOADS, INCOMING = "uploads", "incoming"
#: The most files of a series.
_MOST = 20_000


def folder_of(project: Project, series: DataObject) -> Path:
    """Return the folder of a series."""
    name = file_name(series.series or "series")
    return project.root / UPLOADS / str(series.dataset) / str(series.id) / name


def make_folder(project: Project, folder: Path) -> None:
    """Make a folder among the uploads; ``uploads`` itself may be a link to another disk.

    Raises
    ------
    FaultError
        If a link in it leads elsewhere.
    """
    uploads = project.root / UPLOADS
    for each in (folder, *folder.parents):
        if each == uploads:
            break
        if each.is_symlink():
            name = each.relative_to(project.root)
            raise FaultError(
                503, f"the file can't be kept: {name} is a link", hint="remove the link"
            )
    folder.mkdir(parents=True, exist_ok=True)


def add_file(project: Project, series: DataObject, file: Path, name: str) -> None:
    """Move a file into the folder of a series; one of its name is replaced.

    Parameters
    ----------
    project
        The project.
    series
        The series.
    file
        The file, with its content on disk.
    name
        Its name, as somebody gave it.

    Raises
    ------
    FaultError
        If the series has too many files, or its folder is behind a link.
    """
    folder = folder_of(project, series)
    make_folder(project, folder)
    if sum(1 for _ in folder.iterdir()) >= _MOST:
        raise FaultError(400, f"a series may have {_MOST} files")
    file.replace(folder / file_name(name))
    for each in (folder, *folder.parents[:4]):
        sync_path(each)
