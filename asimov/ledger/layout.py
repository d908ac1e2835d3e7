"""The files of a ledger: their names, and what each must contain.

``project.yaml`` holds the project's settings, ``subjects/<name>.yaml`` a subject with its
analyses, ``analyses/<name>.yaml`` a project analysis.
"""

from __future__ import annotations

from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import schema
from asimov.ledger.checks import check_analysis, check_name, check_text
from asimov.ledger.documents import Document, Mistake, located, read_documents
from asimov.ledger.shapes import mistake

PROJECT_FILE = "project.yaml"
#: What a file in each folder of the ledger contains.
SHAPES: dict[str, type[msgspec.Struct]] = {
    "subjects": schema.Subject,
    "analyses": schema.ProjectAnalysis,
}


def subject_file(name: str) -> str:
    """Return the ledger file of a subject."""
    return f"subjects/{name}.yaml"


def project_analysis_file(name: str) -> str:
    """Return the ledger file of a project analysis."""
    return f"analyses/{name}.yaml"


def file_of(key: Key) -> str:
    """Return the ledger file that holds an analysis, or should."""
    subject, name = key
    return project_analysis_file(name) if subject == PROJECT_ANALYSES else subject_file(subject)


def parse(path: str, text: str, name: str, *, partial: bool = False) -> dict[str, Any]:
    """Parse and check the text of a ledger file.

    Parameters
    ----------
    path
        Its path in the ledger, which determines what it must contain.
    text
        Its text.
    name
        Its name for messages.
    partial
        Whether the file may contain only comments.

    Raises
    ------
    AsimovError
        If it can't be used; the error gives file, line and column.
    """
    documents = read_documents(text, name)
    folder, _, file = path.rpartition("/")
    if len(documents) > 1:
        raise AsimovError(
            "a ledger file must contain a single document", where=documents[1].place()
        )
    if not documents:
        if path == PROJECT_FILE or partial:
            return {}
        raise AsimovError(
            "is empty",
            where=name,
            hint="restore it from git or a backup ('asimov ledger history' lists what commands "
            "changed in it); delete it only if nothing was in it",
        )
    document = documents[0]
    if not isinstance(document.data, dict):
        raise AsimovError("should be a mapping", where=document.place())
    with located(document):
        return _checked(document, folder, file.removesuffix(".yaml"))


def _checked(document: Document, folder: str, name: str) -> dict[str, Any]:
    """Return the data of a ledger file that has a name in a folder, or in none."""
    check_text(document)
    data: dict[str, Any] = document.normalise() if folder == "subjects" else document.data
    if wrong := schema.mismatch(data, SHAPES.get(folder, schema.Configuration)):
        raise mistake(wrong)
    if not folder:
        return data
    if data["name"] != name:
        raise Mistake(
            f"the file is named {name!r} but contains {data['name']!r}",
            ["name"],
            "rename one of them: the two must match",
        )
    if folder == "analyses":
        _check(data, [])
        return data
    check_name(name)
    names: set[str] = set()
    for number, analysis in enumerate(data.get("analyses") or []):
        path: list[str | int] = ["analyses", number]
        _check(analysis, path)
        if analysis["name"] in names:
            raise Mistake(f"there are two analyses {analysis['name']!r}", path)
        names.add(analysis["name"])
    return data


def _check(analysis: dict[str, Any], path: list[str | int]) -> None:
    if "strategy" in analysis:
        raise Mistake(
            "a strategy stands for several analyses, but each ledger entry is a single one",
            [*path, "strategy"],
            "put it into a blueprint for 'asimov apply'",
        )
    check_analysis(analysis, path)
