"""The names that blueprints may use: keys of asimov's own, and settings of pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.ledger.schema import blueprint_schema
from asimov.plugins import vocabulary
from asimov.plugins.declarations import settings_classes
from asimov.plugins.output import captured
from asimov.settings import lookup
from asimov.settings.validation import rows

#: Shapes that say what is said elsewhere: the same keys as an analysis.
_SAME = {"InlineAnalysis", "Settings"}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class Term(NamedTuple):
    """One name.

    Attributes
    ----------
    name
        The key; in a mapping with the keys above it: ``scheduler: request memory``.
    of
        The kind of document it belongs to, or ``pipeline NAME``.
    type
        What its value may be, in words.
    default
        Its default as text, ``required`` or an empty text.
    description
        What it means.
    """

    name: str
    of: str
    type: str
    default: str
    description: str


def terms(warn: Callable[[str], None], *, plugins: bool = True) -> list[Term]:
    """Return all names, those of asimov's own first.

    Parameters
    ----------
    warn
        Takes a line about each pipeline that can't be loaded.
    plugins
        Whether to load the pipelines.
    """
    found = [
        Term(name, kind, _words(shape), "", _description(shape))
        for kind, properties in _kinds(blueprint_schema()["$defs"])
        for name, shape in properties.items()
    ]
    if not plugins:
        return found
    classes = settings_classes(warn)
    for pipeline in sorted(entrypoints.found(entrypoints.PIPELINES)):
        of = f"pipeline {pipeline}"
        if pipeline in classes:
            found += [
                Term(row.setting, of, row.kind, row.default, row.description)
                for row in rows(classes[pipeline])
            ]
        else:
            named = _only_named(pipeline, warn)
            found += [Term(name, of, "", "", description) for name, description in named.items()]
    return found


def _only_named(pipeline: str, warn: Callable[[str], None]) -> dict[str, str]:
    """Return the settings that a pipeline, or its package's vocabulary, names; see `described`."""
    known = lookup.known_settings(pipeline, warn)
    names = {} if isinstance(known, type) else dict(known)
    if entrypoints.find(entrypoints.VOCABULARY, pipeline) is not None:
        try:
            with captured():
                names = {**dict.fromkeys(vocabulary.names(pipeline), ""), **names}
        except AsimovError as error:
            warn(f"warning: {error}")
    return names


def _kinds(shapes: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (name.lower(), shape["properties"]) for name, shape in shapes.items() if name not in _SAME
    ]


def _description(shape: Mapping[str, Any]) -> str:
    """Return what a JSON Schema says of itself; of a value that may be null, inside."""
    said = (
        each["description"] for each in (shape, *shape.get("anyOf", ())) if "description" in each
    )
    return str(next(said, ""))


def _words(shape: Mapping[str, Any]) -> str:
    """Return the type of a JSON Schema in words."""
    if "enum" in shape:
        return " or ".join(map(str, shape["enum"]))
    kinds = [_words(each) for each in shape.get("anyOf", ()) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(kinds)) or _WORDS.get(str(shape.get("type")), "")
