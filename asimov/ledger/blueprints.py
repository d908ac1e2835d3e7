"""Read the blueprints given to ``asimov apply`` and check each document by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import bundles, checks, schema, sources, strategies
from asimov.ledger.documents import Document, read_documents
from asimov.ledger.store import in_place, normalise
from asimov.text import did_you_mean


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One checked document.

    Attributes
    ----------
    kind
        ``subject``, ``analysis``, ``projectanalysis``, ``configuration`` or ``postprocessing``.
        (An ``analysisbundle`` is read as the analyses that it lists.)
    data
        The document without its ``kind``.
    document
        Where it comes from.
    bundle
        The bundle that lists the analysis, if any.
    """

    kind: str
    data: dict[str, Any]
    document: Document
    bundle: Document | None = None


def read(files: list[str]) -> list[Blueprint]:
    """Read and check every document of some files; a bundle yields the analyses it lists.

    Parameters
    ----------
    files
        Files, URLs, or ``-`` for standard input.

    Raises
    ------
    AsimovError
        If a document can't be used; the error gives its file and line.
    """
    return [blueprint for file in files for blueprint in parse(sources.text(file), file)]


def parse(text: str, name: str) -> list[Blueprint]:
    """Check every document of a text; a bundle yields the analyses it lists.

    Parameters
    ----------
    text
        The documents, as YAML.
    name
        What the text is called, for errors.

    Raises
    ------
    AsimovError
        If a document can't be used; the error gives its line.
    """
    return [blueprint for document in read_documents(text, name) for blueprint in _read(document)]


def _read(document: Document) -> Iterator[Blueprint]:
    blueprint = check(document)
    if blueprint.kind != "analysisbundle":
        yield blueprint
        return
    for member in bundles.members(document, blueprint.data):
        one = check(member)
        yield Blueprint(one.kind, one.data, member, bundle=document)


def check(document: Document) -> Blueprint:
    """Check the kind, the shape and the names of a document.

    Raises
    ------
    AsimovError
        If there is a mistake; the error gives the place of the first.
    """
    data = document.data
    if not isinstance(data, dict):
        raise AsimovError("a blueprint is a mapping with a 'kind'", where=document.place())
    checks.check_text(document)
    written = data.get("kind")
    if written is None:
        raise AsimovError(
            "the document has no 'kind'",
            where=document.place(),
            hint=f"write 'kind: KIND' in it; {_kinds()}",
        )
    kind = str(written).lower()
    if kind not in schema.KINDS:
        raise AsimovError(
            f"there is no kind {written!r}{did_you_mean(kind, schema.KINDS)}",
            where=document.place(["kind"]),
            hint=_kinds(),
        )
    if kind in {"subject", "event"}:
        data = normalise(document)
    wrong = schema.mismatch({**data, "kind": kind}, schema.KINDS[kind])
    if wrong:
        raise AsimovError(in_place(*wrong), where=document.place(wrong[1]))
    if kind in {"analysis", "analysisbundle", "postprocessing"} and data.get(
        "event", data.get("subject")
    ) != data.get("subject", data.get("event")):
        raise AsimovError(
            "'event' and 'subject' mean the same, but differ", where=document.place(["event"])
        )
    if kind == "postprocessing" and (listed := {"analyses", "productions"} & set(data)):
        raise AsimovError(
            "a 'postprocessing' document can't contain analyses",
            where=document.place([listed.pop()]),
            hint="put them into a document of the kind 'subject'",
        )
    kind = "subject" if kind == "event" else kind
    data = {key: value for key, value in data.items() if key != "kind"}
    if kind == "subject":
        checks.check_name(data["name"], document, [])
        for number, analysis in enumerate(data.get("analyses") or []):
            _check_analysis(analysis, document, ["analyses", number])
    elif kind in {"analysis", "projectanalysis"}:
        _check_analysis(data, document, [])
    return Blueprint(kind, data, document)


def _kinds() -> str:
    return f"the kinds are {', '.join(schema.KINDS)}"


def _check_analysis(data: dict[str, Any], document: Document, path: list[str | int]) -> None:
    checks.check_analysis(data, document, path)
    try:
        expanded = strategies.expand(data)
    except AsimovError as error:
        error.where = document.place([*path, "strategy"])
        raise
    for each in expanded:
        checks.check_name(each["name"], document, path)
        if each.keys() != data.keys():
            # The strategy may have set keys that have a shape.
            wrong = schema.mismatch(each, schema.InlineAnalysis)
            if wrong:
                raise AsimovError(in_place(*wrong), where=document.place([*path, "strategy"]))
            checks.check_analysis(each, document, path)
