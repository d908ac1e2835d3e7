"""Blueprints: reading what ``asimov apply`` is given, and checking each document by itself."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import checks, schema, strategies
from asimov.ledger.documents import Document, read_documents
from asimov.ledger.store import in_place, normalise


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One checked document.

    Attributes
    ----------
    kind
        ``subject``, ``analysis``, ``projectanalysis``, ``configuration`` or ``postprocessing``.
    data
        The document without its ``kind``.
    document
        Where it is from.
    """

    kind: str
    data: dict[str, Any]
    document: Document


def read(sources: list[str]) -> list[Blueprint]:
    """Read and check every document of some sources.

    Parameters
    ----------
    sources
        Files, URLs, or ``-`` for standard input.

    Raises
    ------
    AsimovError
        For the first document that can't be used, with its file and line.
    """
    return [
        check(document) for source in sources for document in read_documents(_text(source), source)
    ]


def _text(source: str) -> str:
    try:
        if source == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        if source.startswith(("http://", "https://", "file://")):
            return _download(source)
        return Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AsimovError("is not UTF-8 text", where=source) from error
    except OSError as error:
        near = _near(Path(source)) if isinstance(error, FileNotFoundError) else ""
        raise AsimovError(
            f"can't be read: {error.strerror or error}{near}", where=source
        ) from error


def _near(path: Path) -> str:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / close[0]}?" if close else ""


def _download(url: str) -> str:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=30) as answer:
            data: bytes = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        told = (reason.strerror if isinstance(reason, OSError) else None) or reason
        raise AsimovError(f"can't be fetched: {told}", where=url) from error
    return data.decode("utf-8")


def check(document: Document) -> Blueprint:
    """Check a document's kind, shape and names.

    Raises
    ------
    AsimovError
        With the place of the first mistake.
    """
    data = document.data
    if not isinstance(data, dict):
        raise AsimovError("a blueprint is a mapping with a 'kind'", where=document.place())
    kind = data.get("kind")
    if kind is None:
        raise AsimovError("'kind' is missing", where=document.place(), hint=_kinds())
    if not isinstance(kind, str) or kind not in schema.KINDS:
        near = difflib.get_close_matches(str(kind), schema.KINDS, 1)
        raise AsimovError(
            f"there is no kind {kind!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            where=document.place(["kind"]),
            hint=_kinds(),
        )
    if kind in {"subject", "event"}:
        data = normalise(document)
    wrong = schema.mismatch(data, schema.KINDS[kind])
    if wrong:
        raise AsimovError(in_place(*wrong), where=document.place(wrong[1]))
    if kind in {"analysis", "postprocessing"} and data.get(
        "event", data.get("subject")
    ) != data.get("subject", data.get("event")):
        raise AsimovError(
            "'event' and 'subject' mean the same, and differ", where=document.place(["event"])
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
            # The strategy may have set what has a shape.
            wrong = schema.mismatch(each, schema.InlineAnalysis)
            if wrong:
                raise AsimovError(in_place(*wrong), where=document.place([*path, "strategy"]))
            checks.check_analysis(each, document, path)
