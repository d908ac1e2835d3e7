"""Find and read the blueprint with the minimal settings that a pipeline needs.

It is a blueprint for ``asimov apply``: a subject, an analysis of the pipeline, and anything else
that this analysis needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger.documents import read_documents

#: The names of the file, in order of preference.
NAMES = ("conformance.yaml", "blueprint.yaml")
#: The names of the subject and the analysis if there is no blueprint.
SUBJECT, ANALYSIS = "subject", "analysis"


def find(point: EntryPoint, source: Path | None = None) -> Path | None:
    """Find the file of minimal settings that a package ships.

    Parameters
    ----------
    point
        The pipeline's entry point. The file may be next to its module, or in a package around it.
    source
        The source folder of a package that is not installed; searched first.
    """
    parts = point.value.partition(":")[0].strip().split(".")
    if source is None:
        folders = _packages(parts)
    else:
        within = [Path(*parts[:end]) for end in range(len(parts), 0, -1)]
        folders = [source, *(source / top / each for top in (".", "src") for each in within)]
    paths = [folder / name for folder in folders for name in NAMES]
    return next((path for path in paths if path.is_file()), None)


def _packages(parts: list[str]) -> list[Path]:
    """Return the folders of a module and of the packages around it, without importing them."""
    folders: list[Path] = []
    path: Sequence[str] | None = None
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        specs = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((each for each in specs if each is not None), None)
        if spec is None or spec.submodule_search_locations is None:
            break
        path = list(spec.submodule_search_locations)
        folders += [Path(each) for each in path]
    return folders[::-1]


def documents(pipeline: str, file: Path | None) -> list[dict[str, Any]]:
    """Return the documents to apply.

    Parameters
    ----------
    pipeline
        The pipeline's name.
    file
        A blueprint; or a single document without ``kind``: the settings of one analysis.

    Raises
    ------
    AsimovError
        If the file can't be read, or has no analysis of the pipeline.
    """
    if file is None:
        return _of_settings(pipeline, {})
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise AsimovError(f"can't be read: {error}", where=file) from error
    found = [dict(each.data) for each in read_documents(text, str(file))]
    if len(found) == 1 and "kind" not in found[0]:
        return _of_settings(pipeline, found[0])
    if not any(_is_of(each, pipeline) for each in found):
        raise AsimovError(
            f"contains no analysis that uses the pipeline {pipeline!r}",
            where=file,
            hint="it should be a blueprint for 'asimov apply', with a subject and an analysis",
        )
    return found


def driven(pipeline: str, found: list[dict[str, Any]]) -> tuple[str | None, str]:
    """Return the subject (None across subjects) and name of the first analysis of a pipeline."""
    chosen = next(each for each in found if _is_of(each, pipeline))
    subject = chosen.get("subject") or chosen.get("event")
    return (str(subject) if subject is not None else None), str(chosen.get("name"))


def _is_of(document: dict[str, Any], pipeline: str) -> bool:
    named = str(document.get("pipeline", "")).lower()
    return str(document.get("kind", "")).endswith("analysis") and named == pipeline.lower()


def _of_settings(pipeline: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    analysis = {"kind": "analysis", "name": ANALYSIS, "subject": SUBJECT, "pipeline": pipeline}
    return [{"kind": "subject", "name": SUBJECT}, {**settings, **analysis}]
