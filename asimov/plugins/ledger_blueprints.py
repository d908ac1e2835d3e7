"""Blueprints of what published packages hand to the ledger: objects, with changes in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from asimov.errors import AsimovError
from asimov.keys import PROJECT_ANALYSES, Key
from asimov.ledger.blueprints import Blueprint, check
from asimov.ledger.documents import dump, read_documents
from asimov.mappings import copied, difference
from asimov.project.subject import Subject


def subject(event: Any) -> list[dict[str, Any]]:
    """Return the documents of what is new of a subject: its own, and those of its analyses.

    Parameters
    ----------
    event
        A subject of a ledger, of which what was changed is told; or anything with ``name``,
        ``meta`` and ``productions``, of which all is.
    """
    if not isinstance(event, Subject):
        own = event.to_dict(productions=False)
        documents = [{"kind": "subject", **own}]
        return documents + [analysis(each, event) for each in event.productions]
    changed = difference(event.kept_meta, event.meta)
    documents = [{"kind": "subject", "name": event.name, **changed}] if changed else []
    for each in event.handed_out:
        if changed := difference(each.kept_meta, each.meta):
            known = {"subject": event.name, "name": each.name, "pipeline": each.entry.pipeline}
            documents.append({"kind": "analysis", **changed, **known})
    return documents + [analysis(each, event) for each in event.added]


def mark_saved(event: Any) -> None:
    """Take note that what was new of a subject is in the ledger now."""
    if isinstance(event, Subject):
        event.kept_meta = copied(event.meta)
        event.added.clear()
        for each in event.handed_out:
            each.kept_meta = copied(each.meta)


def analysis(given: Any, event: Any = None) -> dict[str, Any]:
    """Return the document of an analysis.

    Parameters
    ----------
    given
        The analysis, or a document.
    event
        The subject or its name; an analysis without any is one across subjects.
    """
    document = dict(given) if isinstance(given, Mapping) else given.to_dict()
    of = event if event is not None else getattr(given, "subject", None)
    name = of if isinstance(of, str) else getattr(of, "name", None)
    name = name or document.pop("subject", document.pop("event", None))
    document.pop("event", None)
    if name is None or name == PROJECT_ANALYSES:
        return {"kind": "projectanalysis", **document}
    return {"kind": "analysis", **document, "subject": name}


def wanted(blueprint: Blueprint) -> tuple[Key, dict[str, Any]]:
    """Return whose settings a blueprint is to change, and to what."""
    data = dict(blueprint.data)
    left_out = ("name", "pipeline", "status", "subject", "event", "analyses", "repository", "needs")
    settings = {key: value for key, value in data.items() if key not in left_out}
    if blueprint.kind == "subject":
        return Key(data["name"], ""), settings
    return Key(data["subject"], data["name"]), settings


def blueprints(documents: list[dict[str, Any]], what: str) -> list[Blueprint]:
    """Return checked blueprints of documents that a package made.

    Parameters
    ----------
    documents
        The documents, which may hold tuples, paths and numbers of other libraries.
    what
        What they describe, for messages.

    Raises
    ------
    AsimovError
        For the first that can't be used, with the line in its YAML.
    """
    try:
        text = "---\n".join(dump(_plain(document)) for document in documents)
    except (TypeError, ValueError) as error:
        raise AsimovError(f"holds what YAML can't: {error}", where=what) from error
    return [check(document) for document in read_documents(text, f"{what}, from a package")]


def _plain(value: Any) -> Any:
    """Return a value as YAML has it: mappings, lists, text, numbers, true, false and null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if isinstance(value, (PurePath, str)):
        return str(value)
    if hasattr(value, "tolist"):  # of numpy: an array, or a number, some of which are floats too
        return _plain(value.tolist())
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} {value!r}")
