"""Read the blueprints given to ``asimov apply`` and check each document by itself.

A bundle lists analyses in the format of asimov 0.8: an item of its ``analyses`` is an analysis, or
the name of a file without its ``.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import checks, schema, sources, strategies
from asimov.ledger.documents import Document, Mistake, located, read_documents
from asimov.text import did_you_mean

#: Keys that name the subject of an analysis; in a bundle, only the bundle itself may have them.
_WHOSE = {"kind", "event", "subject"}


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
    return [
        blueprint
        for file in files
        for document in sources.documents(file)
        for blueprint in _read(document)
    ]


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
    for member in _members(document, blueprint.data):
        one = check(member)
        yield Blueprint(one.kind, one.data, member, bundle=document)


def _members(document: Document, bundle: dict[str, Any]) -> Iterator[Document]:
    """Yield the analyses of a bundle as documents of the kind ``analysis``.

    Raises
    ------
    AsimovError
        If a file that it names is not found or contains no analysis; the error gives the place of
        the name.
    """
    subject = bundle.get("subject", bundle.get("event"))
    for number, item in enumerate(bundle["analyses"]):
        path: list[str | int] = ["analyses", number]
        place = document.place(path)
        if isinstance(item, str):
            for each in sources.analyses(item, document.file, place):
                each.data = _analysis(each.data, subject)
                yield each
            continue
        yield Document(
            _analysis(item, subject),
            document.file,
            place.line or document.line,
            document.index,
            document.text,
            root=tuple(path),
        )


def _analysis(data: dict[str, Any], subject: str | None) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key not in _WHOSE}
    return {"kind": "analysis", **({} if subject is None else {"subject": subject}), **rest}


def check(document: Document) -> Blueprint:
    """Check the kind, the shape and the names of a document.

    Raises
    ------
    AsimovError
        If there is a mistake; the error gives the place of the first.
    """
    with located(document):
        kind, data = _checked(document)
    return Blueprint(kind, data, document)


def _checked(document: Document) -> tuple[str, dict[str, Any]]:
    """Return the kind of a document and its other data."""
    data = document.data
    if not isinstance(data, dict):
        raise Mistake("a blueprint should be a mapping with a 'kind'")
    checks.check_text(document)
    written = data.get("kind")
    kinds = f"the kinds are {', '.join(schema.KINDS)}"
    if written is None:
        raise Mistake("the document has no 'kind'", hint=f"add 'kind: KIND' to it; {kinds}")
    kind = str(written).lower()
    if kind not in schema.KINDS:
        near = did_you_mean(kind, schema.KINDS)
        raise Mistake(f"there is no kind {written!r}{near}", ["kind"], kinds)
    if kind in {"subject", "event"}:
        data = document.normalise()
    schema.check({**data, "kind": kind}, schema.KINDS[kind])
    if kind in {"analysis", "analysisbundle", "postprocessing"} and data.get(
        "event", data.get("subject")
    ) != data.get("subject", data.get("event")):
        raise Mistake("'event' and 'subject' mean the same, but have different values", ["event"])
    if kind == "postprocessing" and (listed := {"analyses", "productions"} & set(data)):
        raise Mistake(
            "a 'postprocessing' document can't contain analyses",
            [listed.pop()],
            "put them into a 'kind: subject' document",
        )
    kind = "subject" if kind == "event" else kind
    data = {key: value for key, value in data.items() if key != "kind"}
    if kind == "subject":
        checks.check_name(data["name"])
        for number, analysis in enumerate(data.get("analyses") or []):
            _check_subject(data["name"], analysis, ["analyses", number])
            _check_analysis(analysis, ["analyses", number])
    elif kind in {"analysis", "projectanalysis"}:
        _check_analysis(data, [])
    elif kind == "analysisbundle":
        _check_bundle(data)
    return kind, data


def _check_subject(name: str, analysis: Mapping[str, Any], path: list[str | int]) -> None:
    """Refuse an analysis in a subject's list that says it belongs to another one."""
    for key in ("subject", "event"):
        if analysis.get(key, name) != name:
            why = f"{key}: has no effect here, as the analysis is listed in the subject {name!r}"
            hint = f"remove it, or write a document 'kind: analysis' with '{key}: NAME'"
            raise Mistake(why, [*path, key], hint)


def _check_bundle(data: Mapping[str, Any]) -> None:
    """Refuse settings in a bundle beside its analyses: they would reach none of them."""
    own = schema.AnalysisBundle.__struct_encode_fields__
    of_analyses = schema.InlineAnalysis.__struct_encode_fields__
    for key, value in data.items():
        if key not in own and (key in of_analyses or isinstance(value, (Mapping, list))):
            why = f"{key}: has no effect in a bundle"
            raise Mistake(why, [key], "set it in each of the bundle's analyses, or in the subject")


def _check_analysis(data: dict[str, Any], path: list[str | int]) -> None:
    by_strategy = [*path, "strategy"]
    try:
        expanded = strategies.expand(data)
    except AsimovError as error:
        raise Mistake(error.message, by_strategy, error.hint) from error
    for each in expanded:
        if "strategy" in data:
            # It may have set keys that have a shape.
            schema.check(each, schema.InlineAnalysis, by_strategy)
        checks.check_analysis(each, path)
