"""The JSON Schema of blueprints with the settings that pipelines declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from asimov.settings import types
from asimov.settings.fields import REQUIRED, BaseSettings, fields

#: The shapes that hold an analysis.
_OF_ANALYSES = ("Analysis", "InlineAnalysis", "ProjectAnalysis")


def with_settings(schema: dict[str, Any], classes: Mapping[str, type]) -> dict[str, Any]:
    """Return the schema of blueprints with settings that hold where a pipeline is named.

    Parameters
    ----------
    schema
        As of `asimov.ledger.schema.blueprint_schema`.
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


def _define(definitions: dict[str, Any], prefix: str, cls: type) -> str:
    """Add the description of a settings class; return the reference to it."""
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
    # What is required may stand in another layer: of the project, or of the subject. A name that
    # is not declared may be a general one, or a field's with its underscores.
    name = f"{prefix}.{cls.__name__}"
    definitions[name] = {"title": cls.__name__, "type": "object", "properties": properties}
    if cls.__doc__ and cls.__doc__ != BaseSettings.__doc__:
        definitions[name]["description"] = inspect.cleandoc(cls.__doc__)
    return f"#/$defs/{name}"


def _of_type(definitions: dict[str, Any], prefix: str, kind: Any) -> dict[str, Any]:
    """Return the schema of a value, and define the classes that it is made of."""
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
    """Return the shape of a project's configuration with the settings of one pipeline."""
    properties = dict(shape["properties"])
    section = dict(properties["pipelines"])
    section["properties"] = {**section.get("properties", {}), pipeline: {"$ref": reference}}
    return {**shape, "properties": {**properties, "pipelines": section}}
