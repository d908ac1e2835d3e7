"""Blueprints: reading what ``asimov apply`` is given, and checking each document by itself."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.ledger import needs, schema, strategies
from asimov.ledger.documents import Document, read_documents
from asimov.ledger.store import in_place, normalised
from asimov.project import PROJECT_ANALYSES
from asimov.states import ALIASES, STATES

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=,@~-]{0,199}")
#: States that an analysis can't begin in: they are about a job that it does not have.
_WITH_JOB = {"running", "processing", "stop", "restart"}


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
        near = ""
        if isinstance(error, FileNotFoundError) and Path(source).parent.is_dir():
            names = [each.name for each in Path(source).parent.iterdir()]
            close = difflib.get_close_matches(Path(source).name, names, 1)
            near = f"; did you mean {Path(source).parent / close[0]}?" if close else ""
        reason = error.strerror or str(getattr(error, "reason", error))
        raise AsimovError(f"can't be read: {reason}{near}", where=source) from error


def _download(url: str) -> str:
    from urllib.request import urlopen

    with urlopen(url, timeout=30) as answer:
        data: bytes = answer.read()
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
    if kind not in schema.KINDS:
        near = difflib.get_close_matches(str(kind), schema.KINDS, 1)
        raise AsimovError(
            f"there is no kind {kind!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            where=document.place(["kind"]),
            hint=_kinds(),
        )
    if kind in {"subject", "event"}:
        data = normalised(data)
    wrong = schema.mismatch(data, schema.KINDS[kind])
    if wrong:
        raise AsimovError(in_place(*wrong), where=document.place(wrong[1]))
    kind = "subject" if kind == "event" else kind
    data = {key: value for key, value in data.items() if key != "kind"}
    if kind == "subject":
        _check_name(data, document, [])
        for number, analysis in enumerate(data.get("analyses") or []):
            _check_analysis(analysis, document, ["analyses", number])
    elif kind in {"analysis", "projectanalysis"}:
        _check_analysis(data, document, [])
    return Blueprint(kind, data, document)


def _kinds() -> str:
    return f"the kinds are {', '.join(schema.KINDS)}"


def _check_analysis(data: Mapping[str, Any], document: Document, path: list[str | int]) -> None:
    for key in ("needs", "analyses"):
        for number, item in enumerate(data.get(key) or []):
            try:
                needs.parse([item])
            except AsimovError as error:
                error.where = document.place([*path, key, number])
                raise
    try:
        for each in strategies.expand(dict(data)):
            _check_name(each, document, path)
    except AsimovError as error:
        error.where = error.where or document.place([*path, "strategy"])
        raise
    status = data.get("status")
    if status is None:
        return
    name = ALIASES.get(status, status)
    if name not in STATES or name in _WITH_JOB:
        able = [state for state in STATES if state not in _WITH_JOB]
        raise AsimovError(
            f"status: an analysis can't begin as {status!r}",
            where=document.place([*path, "status"]),
            hint=f"it can begin as {', '.join(able)}",
        )


def _check_name(data: Mapping[str, Any], document: Document, path: list[str | int]) -> None:
    name = data["name"]
    if not _NAME.fullmatch(name):
        raise AsimovError(
            f"{name!r} can't be a name: it would not be a plain file name",
            where=document.place([*path, "name"]),
            hint="letters, digits and _.+=,@~- only, with neither a dot nor a dash in front",
        )
    if name == PROJECT_ANALYSES:
        raise AsimovError(
            f"the name {name!r} is asimov's own", where=document.place([*path, "name"])
        )
