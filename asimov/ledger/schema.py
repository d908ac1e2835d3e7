"""The shapes of blueprints and ledger documents, their validation, and their JSON Schema.

Settings are free-form: keys that a shape does not name are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from asimov.ledger import shapes
from asimov.ledger.reserved import Level, Settings, check_settings, policy_fault

Need = str | dict[str, Any] | list[str | dict[str, Any]]
Needs = Annotated[
    list[Need],
    Meta(
        description="What must have finished first. Each item selects analyses; a nested list "
        "selects those that match all of its items."
    ),
]
Name = Annotated[
    str,
    Meta(description="Letters, digits and _.+=,@~- only, not beginning with a dot or a dash."),
]


class _Run(Settings, kw_only=True):
    """Keys that every analysis may have."""

    name: Name
    pipeline: Annotated[str, Meta(description="The name of the pipeline (of its entry point).")]
    comment: str | None = None
    status: Annotated[
        str | None, Meta(description="The state to begin in: ready (default), wait or manual ...")
    ] = None
    needs: Needs | None = None
    analyses: Annotated[
        Needs | None, Meta(description="The analyses whose products this one combines.")
    ] = None
    strategy: Annotated[
        dict[str, list[Any]] | UnsetType,
        Meta(description="One analysis for each combination of the values of these settings."),
    ] = UNSET


class InlineAnalysis(_Run, kw_only=True):
    """An analysis inside its subject's document."""


class Analysis(_Run, kw_only=True):
    """An analysis of a subject; with `analyses`, one that combines several analyses of it."""

    kind: Literal["analysis"] = "analysis"
    event: Annotated[str | UnsetType, Meta(description="The subject (older word).")] = UNSET
    subject: Annotated[str | UnsetType, Meta(description="The subject.")] = UNSET


class ProjectAnalysis(_Run, kw_only=True):
    """A project analysis, which combines analyses of several subjects."""

    kind: Literal["projectanalysis"] = "projectanalysis"
    subjects: Annotated[
        list[str] | None, Meta(description="The subjects; by default all of them.")
    ] = None


class Subject(Struct, kw_only=True):
    """A thing that is studied, with its data settings."""

    name: Name
    kind: Literal["subject", "event"] = "subject"
    analyses: list[InlineAnalysis] | None = None
    productions: Annotated[
        list[InlineAnalysis] | None, Meta(description="The analyses (older word).")
    ] = None
    repository: Annotated[
        str | None, Meta(description="A git repository of the subject's own: a path or a URL.")
    ] = None


class AnalysisBundle(Struct, kw_only=True):
    """Analyses that are applied to one subject together."""

    kind: Literal["analysisbundle"] = "analysisbundle"
    name: str | None = None
    comment: str | None = None
    event: Annotated[str | UnsetType, Meta(description="The subject (older word).")] = UNSET
    subject: Annotated[
        str | UnsetType, Meta(description="The subject; by default that of 'asimov apply -e'.")
    ] = UNSET
    analyses: Annotated[
        list[str | InlineAnalysis],
        Meta(description="Analyses, or the names of files (without .yaml) that contain them."),
    ]


class Configuration(Struct, kw_only=True):
    """Settings of every analysis, and of those of one pipeline."""

    kind: Literal["configuration"] = "configuration"
    pipelines: Annotated[
        dict[str, dict[str, Any]] | None, Meta(description="Settings by pipeline.")
    ] = None
    hooks: dict[str, dict[str, Any] | list[str] | None] | None = None
    scheduler: dict[str, Any] | None = None


class Postprocessing(Struct, kw_only=True):
    """Settings of post-processing, for every analysis or for those of one subject."""

    kind: Literal["postprocessing"] = "postprocessing"
    name: str | None = None
    event: str | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    postprocessing: dict[str, Any] = field(default_factory=dict)


#: The shape of each kind of blueprint.
KINDS: dict[str, type[Struct]] = {
    "subject": Subject,
    "event": Subject,
    "analysis": Analysis,
    "projectanalysis": ProjectAnalysis,
    "analysisbundle": AnalysisBundle,
    "configuration": Configuration,
    "postprocessing": Postprocessing,
}


def blueprint_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one blueprint document, for editors."""
    kinds = [Subject, Analysis, ProjectAnalysis, AnalysisBundle, Configuration, Postprocessing]
    (*references, _), components = msgspec.json.schema_components(
        [*kinds, Settings], ref_template="#/$defs/{name}"
    )
    for name in ("Subject", "Configuration"):  # of every analysis in it
        own = components[name]["properties"]
        components[name]["properties"] = {**own, **components["Settings"]["properties"]}
    section = components["Configuration"]["properties"]["pipelines"]["anyOf"][0]
    section["additionalProperties"] = {"$ref": "#/$defs/Settings"}
    for name in (each.__name__ for each in kinds):
        required = components[name].setdefault("required", [])
        if "kind" not in required:
            required.insert(0, "kind")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "asimov blueprint",
        "description": "One document of a file for 'asimov apply'.",
        "anyOf": list(references),
        "$defs": components,
    }


#: Every name that a shape gives a meaning.
_KNOWN = frozenset(name for shape in KINDS.values() for name in shape.__struct_encode_fields__)


def mismatch(data: Any, shape: type[Struct]) -> shapes.Fault | None:
    """Return how data differs from a shape, or what the monitor could not follow; None if nothing.

    It is asked of the ledger's files; `check` asks more of blueprints.
    """
    if wrong := shapes.mismatch(data, shape, _KNOWN):
        return wrong
    for _, path, settings in _settings_in(data, shape):
        if wrong := policy_fault(settings):
            return wrong[0], [*path, *wrong[1]]
    return None


def check(data: Any, shape: type[Struct], at: list[str | int] | None = None) -> None:
    """Refuse data of a blueprint that differs from a shape, or has settings that don't work.

    Parameters
    ----------
    data, shape
        The data and the shape.
    at
        What to give as the place of the mistake; by default, its own.

    Raises
    ------
    Mistake
        With the keys that lead to it, also in words.
    """
    if wrong := shapes.mismatch(data, shape, _KNOWN):
        raise shapes.mistake(wrong, at=at)
    for level, path, settings in _settings_in(data, shape):
        check_settings(settings, level, path, at)


def misspelt(key: str, data: Mapping[str, Any]) -> str:
    """Return ``, and ... looks like it`` if data has a key that resembles a missing one."""
    return shapes.misspelt(key, data, _KNOWN)


def _settings_in(
    data: Any, shape: type[Struct]
) -> Iterator[tuple[Level | None, list[str | int], Mapping[str, Any]]]:
    """Yield the settings in data of a shape, each with their level, if any, and their place."""
    if shape is Configuration:
        yield "configuration", [], data
        for name, section in (data.get("pipelines") or {}).items():
            yield "section", ["pipelines", name], section
    elif shape is Subject:
        yield "subject", [], data
        for key in ("analyses", "productions"):
            for number, analysis in enumerate(data.get(key) or ()):
                yield "analysis", [key, number], analysis
    else:
        yield "analysis" if issubclass(shape, _Run) else None, [], data
