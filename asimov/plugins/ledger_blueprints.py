"""Write subjects and analyses that packages have added or changed as blueprints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.blueprints import Blueprint, check
from asimov.ledger.documents import dump, read_documents
from asimov.project.subject import Subject
from asimov.settings.merging import copied, difference


def subject(event: Any) -> list[dict[str, Any]]:
    """Return documents with a subject's changes, and with those of its analyses.

    Parameters
    ----------
    event
        A subject of a ledger, for its changes; or anything with ``name``, ``meta`` and
        ``productions``, for everything in it.
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
    """Mark the changes to a subject as written to the ledger."""
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
        The subject or its name; an analysis without one is a project analysis.
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
    """Return which settings a blueprint changes, with the key of their subject or analysis."""
    data = dict(blueprint.data)
    left_out = ("name", "pipeline", "status", "subject", "event", "analyses", "repository", "needs")
    settings = {key: value for key, value in data.items() if key not in left_out}
    if blueprint.kind == "subject":
        return Key(data["name"], ""), settings
    return Key(data["subject"], data["name"]), settings


def blueprints(documents: list[dict[str, Any]], what: str) -> list[Blueprint]:
    """Check a package's documents, and return them as blueprints.

    Parameters
    ----------
    documents
        The documents, which may hold tuples, paths, and numbers of libraries such as numpy.
    what
        What they describe, for messages.

    Raises
    ------
    AsimovError
        For the first unusable document, with the line in its YAML.
    """
    try:
        text = "---\n".join(dump(_plain(document)) for document in documents)
    except (TypeError, ValueError) as error:
        raise AsimovError(
            f"contains a value that YAML can't represent: {error}", where=what
        ) from error
    return [check(document) for document in read_documents(text, f"{what}, from a package")]


def _plain(value: Any) -> Any:
    """Convert a value to YAML's types: mappings, lists, text, numbers, true, false and null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    if isinstance(value, (PurePath, str)):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's arrays and numbers, some of which are floats too
        return _plain(value.tolist())
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} {value!r}")
