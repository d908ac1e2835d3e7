"""The JSON Schema of blueprints with the settings that pipelines declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from asimov.settings.fields import struct_of

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
    """Add what describes a settings class; return the reference to it."""
    template = f"#/$defs/{prefix}.{{name}}"
    ((reference,), components) = msgspec.json.schema_components(
        [struct_of(cls, plain=True)],
        ref_template=template,
        schema_hook=lambda _: {"type": "string"},
    )
    for name, component in components.items():
        # What is required may stand in another layer: of the project, or of the subject. A name
        # that is not declared may be a general one, or a field's with its underscores.
        rest = {k: v for k, v in component.items() if k not in {"required", "additionalProperties"}}
        definitions[f"{prefix}.{name}"] = rest
    return str(reference["$ref"])


def _for_pipeline(shape: dict[str, Any], pipeline: str, reference: str) -> dict[str, Any]:
    """Return the shape of a project's configuration with the settings of one pipeline."""
    properties = dict(shape["properties"])
    section = dict(properties["pipelines"])
    section["properties"] = {**section.get("properties", {}), pipeline: {"$ref": reference}}
    return {**shape, "properties": {**properties, "pipelines": section}}
