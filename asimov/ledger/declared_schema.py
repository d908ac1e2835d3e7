"""Add each pipeline's settings to the JSON Schema of blueprints, the files for ``asimov apply``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from asimov.settings import types
from asimov.settings.declaration import REQUIRED, BaseSettings, fields

#: The definitions that describe an analysis.
_OF_ANALYSES = ("Analysis", "InlineAnalysis", "ProjectAnalysis")


def with_settings(schema: dict[str, Any], classes: Mapping[str, type]) -> dict[str, Any]:
    """Return the schema of blueprints with the settings of each pipeline that a document names.

    Parameters
    ----------
    schema
        The schema from `asimov.ledger.schema.blueprint_schema`.
    classes
        The settings classes by the names of their pipelines.
    """
    definitions = dict(schema["$defs"])
    conditions = []
    for pipeline, cls in sorted(classes.items()):
        prefix = "pipeline." + re.sub(r"[^\w-]", "_", pipeline)
        reference = _define(definitions, prefix, cls)
        conditions.append(
            {
                "if": {
                    "properties": {"pipeline": {"enum": sorted({pipeline, pipeline.lower()})}},
                    "required": ["pipeline"],
                },
                "then": {"$ref": reference},
            }
        )
        definitions["Configuration"] = _for_pipeline(
            definitions["Configuration"], pipeline, reference
        )
    if conditions:
        for shape in _OF_ANALYSES:
            definitions[shape] = {**definitions[shape], "allOf": conditions}
    return {**schema, "$defs": definitions}


def schema_of(cls: type) -> dict[str, Any]:
    """Return the JSON Schema of the values of a settings class alone."""
    definitions: dict[str, Any] = {}
    reference = _define(definitions, "answers", cls)
    own = definitions[reference.removeprefix("#/$defs/")]
    own["required"] = [field.name for field in fields(cls) if field.demands]
    return {"$ref": reference, "$defs": definitions}


def _define(definitions: dict[str, Any], prefix: str, cls: type) -> str:
    """Define a settings class and return the reference to it."""
    properties = {}
    for field in fields(cls):
        if field.inner:
            schema: dict[str, Any] = {"$ref": _define(definitions, prefix, field.inner)}
            schema = {"anyOf": [schema, {"type": "null"}]} if field.may_miss else schema
        else:
            schema = _of_type(definitions, prefix, field.kind)
        if field.description:
            schema["description"] = field.description
        if field.default is not REQUIRED and (field.inner is None or field.default is None):
            schema["default"] = field.default
        properties[field.name] = schema
    # Nothing is required here: another layer, of the project or the subject, may have it. And
    # other names are allowed: they may be general keys, or spelled with underscores.
    name = f"{prefix}.{cls.__name__}"
    definitions[name] = {"title": cls.__name__, "type": "object", "properties": properties}
    if cls.__doc__ and cls.__doc__ != BaseSettings.__doc__:
        definitions[name]["description"] = inspect.cleandoc(cls.__doc__)
    return f"#/$defs/{name}"


def _of_type(definitions: dict[str, Any], prefix: str, kind: Any) -> dict[str, Any]:
    """Return the schema of a type and define the settings classes in it."""
    structs = types.structs(kind)
    try:
        ((schema,), components) = msgspec.json.schema_components(
            [kind],
            ref_template=f"#/$defs/{prefix}.{{name}}",
            schema_hook=lambda _: {"type": "string"},
        )
    except TypeError:  # a class in a list has a default that msgspec can't write, such as a path
        return {}
    for name, component in components.items():
        definitions[f"{prefix}.{name}"] = component
    for each in structs:
        _define(definitions, prefix, each)
    return schema


def _for_pipeline(shape: dict[str, Any], pipeline: str, reference: str) -> dict[str, Any]:
    """Add the settings of a pipeline to the schema of ``configuration`` documents."""
    properties = dict(shape["properties"])
    section = dict(properties["pipelines"])
    section["properties"] = {**section.get("properties", {}), pipeline: {"$ref": reference}}
    return {**shape, "properties": {**properties, "pipelines": section}}
