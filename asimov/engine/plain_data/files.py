"""Files of an analysis as plain data: what its jobs wrote, and its stored results."""

from __future__ import annotations

from typing import Any

from asimov.engine.job_output.files import OutputFile
from asimov.engine.job_output.reading import last_lines
from asimov.project.storage.listing import StoredFile
from asimov.system import clock


def output_data(file: OutputFile, last: int) -> dict[str, Any]:
    """Return a file of output, as ``asimov logs`` does.

    Parameters
    ----------
    file
        The file.
    last
        How many of its last lines to include.
    """
    return {
        "node": file.node or None,
        "kind": file.kind or None,
        "path": str(file.path),
        "bytes": file.size,
        "changed": clock.iso(file.changed),
        "lines": last_lines(file.path, last),
    }


def stored_data(file: StoredFile) -> dict[str, Any]:
    """Return a stored file, as ``asimov production results`` does."""
    return {
        "subject": file.key.subject,
        "name": file.key.name,
        "file": file.name,
        "path": str(file.path),
        **file.entry,
    }
