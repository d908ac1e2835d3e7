"""Find the DICOM series that a file belongs to, and keep the file in that series' folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from asimov.journal.datasets import DataObject, Datasets
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.project.layout import Project
from asimov.server.platipy.uploads import add_file, folder_of, make_folder
from asimov.text import short

#: The most characters of a title.
_TITLE = 16


def transfer_syntaxes() -> list[str]:
    """Return the transfer syntaxes in which images are taken.

    The deflated one (DICOM PS3.5, A.5) is none of them: whoever reads it has all of it unpacked in
    memory, and a few kB may become many GB.
    """
    from pydicom.uid import DeflatedExplicitVRLittleEndian
    from pynetdicom import DEFAULT_TRANSFER_SYNTAXES

    return [each for each in DEFAULT_TRANSFER_SYNTAXES if each != DeflatedExplicitVRLittleEndian]


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
    make_folder(project, folder)
    handle, copy = tempfile.mkstemp(dir=folder.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as target, path.open("rb") as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        add_file(project, series, Path(copy), f"{uid}.dcm")
    except BaseException:
        Path(copy).unlink(missing_ok=True)
        raise


def arrived(project: Project, journal: Journal, series: DataObject, sender: str) -> None:
    """Record that a series has arrived, and from whom; what came too late goes.

    Parameters
    ----------
    project
        The project.
    journal
        Its journal.
    series
        The data object that waited for it; it may have no files yet.
    sender
        The title of the application entity that sent it. DICOM checks no titles: it is what the
        other side says of itself.
    """
    folder = folder_of(project, series)
    if not folder.is_dir():
        return
    name = short(sender.strip(), _TITLE) or "without a title"
    with journal.durably():
        if Datasets(journal).arrived(series.id, project.stored(folder), name):
            what = f"the DICOM series {series.series} for the dataset {series.dataset}"
            journal.note(Key("", ""), f"DICOM {name}", "received", what)
            return
    shutil.rmtree(folder.parent, ignore_errors=True)
