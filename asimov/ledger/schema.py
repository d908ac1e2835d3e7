"""The shapes of blueprints and ledger documents, their validation, and their JSON Schema.

Settings are free-form: keys that a shape does not name are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from asimov.ledger import hold_policy, validity
from asimov.ledger.documents import Mistake
from asimov.text import nearest, quoted, short

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
    Meta(description="Letters, digits and _.+=,@~- only, and neither a dot nor a dash in front."),
]
Holds = Annotated[
    dict[str, Any] | None,
    Meta(description="What to do about held jobs: see the page 'Holds and failures'."),
]
OutdatedBy = Annotated[
    Any,
    Meta(
        description="What makes a result out of date; by default everything.",
        extra_json_schema={"type": ["array", "null"], "items": {"enum": list(validity.KINDS)}},
    ),
]
Rerun = Annotated[
    Any,
    Meta(
        description="Whether an analysis that is out of date runs again by itself.",
        extra_json_schema={"enum": [*validity.RERUNS, None]},
    ),
]
Reuse = Annotated[
    Any,
    Meta(
        description="Whether stored products that it would only make again are taken over.",
        extra_json_schema={"type": ["boolean", "null"]},
    ),
]


class _Run(Struct, kw_only=True):
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
    template: Annotated[str | None, Meta(description="The template of the configuration.")] = None
    executable: str | None = None
    labels: list[str] | dict[str, Any] | None = None
    refreshable: bool | None = None
    scheduler: Annotated[
        dict[str, Any] | None, Meta(description="Submit commands, such as 'request memory'.")
    ] = None
    holds: Holds = None
    outdated_by: OutdatedBy = field(default=None, name=validity.OUTDATED_BY)
    rerun: Rerun = None
    reuse: Reuse = None


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
    holds: Holds = None
    outdated_by: OutdatedBy = field(default=None, name=validity.OUTDATED_BY)
    rerun: Rerun = None
    reuse: Reuse = None


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
    holds: Holds = None
    outdated_by: OutdatedBy = field(default=None, name=validity.OUTDATED_BY)
    rerun: Rerun = None
    reuse: Reuse = None


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
    shapes = [Subject, Analysis, ProjectAnalysis, AnalysisBundle, Configuration, Postprocessing]
    references, components = msgspec.json.schema_components(shapes, ref_template="#/$defs/{name}")
    for name in (shape.__name__ for shape in shapes):
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


def mismatch(data: Any, shape: type[Struct]) -> tuple[str, list[str | int]] | None:
    """Return how data differs from a shape.

    Returns
    -------
    tuple of str and list, or None
        What is wrong, and the path of keys to it; None if data has the shape.
    """
    try:
        msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        is_key = path.startswith("`key` in ")
        steps = _steps(path.removeprefix("`key` in ").strip("`$"))
        words = _in_words(message)
        named = _named(steps, data, message)
        if is_key:
            return _strange_key(data, steps[: _free(steps)])
        if message.startswith("Object missing required field"):
            for step in named:
                data = data[step]
            words += misspelt(message.split("`")[1], data)
        return words, named
    return _misset(data, shape)


def check_shape(data: Any, shape: type[Struct], path: list[str | int] | None = None) -> None:
    """Refuse data that differs from a shape.

    Parameters
    ----------
    data, shape
        The data and the shape.
    path
        What to give as the place of the mistake; by default, its own.

    Raises
    ------
    Mistake
        With the keys that lead to it, also in words.
    """
    if wrong := mismatch(data, shape):
        message, own = wrong
        keys = [short(step) for step in own if isinstance(step, str)]
        raise Mistake(": ".join([*keys, message]), own if path is None else path)


def _free(steps: list[str | int]) -> int:
    """Return the step at which a free mapping begins, whose keys msgspec does not report."""
    return steps.index("...") if "..." in steps else len(steps)


def _strange_key(data: Any, path: list[str | int]) -> tuple[str, list[str | int]]:
    """Return the fault of the outermost key that is not text, and its path."""
    for step in path:
        data = data[step]
    todo = [(path, data)]
    for above, mapping in todo:
        items = mapping.items() if isinstance(mapping, dict) else enumerate(mapping)
        for key, value in items:
            if isinstance(mapping, dict) and not isinstance(key, str):
                return f"the key {quoted(key)} should be text", [*above, key]
            if isinstance(value, (dict, list)):
                todo.append(([*above, key], value))
    return "has a key that should be text", path


def misspelt(key: str, data: Mapping[str, Any]) -> str:
    """Return ``, and ... looks like it`` if data has a key that resembles a missing one."""
    known = {name for shape in KINDS.values() for name in shape.__struct_encode_fields__}
    near = nearest(key, [each for each in data if each not in known], 0.7)
    return f", and {near!r} looks like it" if near else ""


def _misset(data: Any, shape: type[Struct]) -> tuple[str, list[str | int]] | None:
    """Return what is wrong with the settings about holds, failures and reruns, in any place."""
    inside: list[tuple[list[str | int], Any]] = [([], data)]
    if shape is Configuration:  # in other shapes these keys are free settings
        pipelines = data.get("pipelines") or {}
        inside += [(["pipelines", name], each) for name, each in pipelines.items()]
    if shape is Subject:
        for key in ("analyses", "productions"):
            inside += [([key, number], each) for number, each in enumerate(data.get(key) or ())]
    for path, settings in inside:
        if not isinstance(settings, dict):
            continue
        if "holds" in settings and (wrong := hold_policy.fault(settings["holds"])):
            return wrong[0], [*path, "holds", *wrong[1]]
        if wrong := validity.fault(settings):
            return wrong[0], [*path, *wrong[1]]
        for name, (kinds, what) in OF_FAILURES.items():
            value = settings.get(name, 0)
            number = isinstance(value, (int, float)) and isinstance(value, kinds)
            if isinstance(value, bool) or not number or not 0 <= value < _MANY:
                return f"{name!r} should be {what} from 0, and is {value!r}", [*path, name]
    return None


#: Free settings that asimov itself reads: their types, also in words, and their upper limits.
OF_FAILURES: dict[str, tuple[tuple[type, ...], str]] = {
    "max resurrections": ((int,), "a whole number"),
    "resurrection pause": ((int, float), "a number of seconds"),
}
_MANY = 1e9


_WORDS = {bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object"}


def _named(steps: list[str | int], data: Any, message: str) -> list[str | int]:
    """Fill in the keys of free mappings, for which msgspec's paths have ``...``."""
    got = message.rpartition(", got ")[2].strip("`")
    for number, step in enumerate(steps):
        if step == "...":
            step = next(  # noqa: PLW2901
                (key for key, value in data.items() if _WORDS.get(type(value), "null") == got), step
            )
            steps[number] = step
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
    return [step for step in steps if step != "..."]


_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
}


def _in_words(message: str) -> str:
    """Translate a message of msgspec into the terms of YAML."""
    if message.startswith("Object missing required field"):
        return f"{message.split('`')[1]!r} is missing"
    if message.startswith("Expected"):
        expected, _, got = message[len("Expected ") :].partition(", got ")
        names = [
            _TYPES.get(part.strip("` "), part.strip("` "))
            for part in expected.strip("`").split(" | ")
        ]
        names = [name for name in names if name != "nothing"] or names
        is_now = _TYPES.get(got.strip("`"), got)
        return f"should be {' or '.join(names)}" + (f", and is {is_now}" if got else "")
    return message


_STEP = re.compile(r"\[(\d+)\]|\[(\.\.\.)\]|([^.\[\]]+)")


def _steps(path: str) -> list[str | int]:
    """Split a path of msgspec, such as ``.needs[0]``, into its steps."""
    return [
        int(index) if index else free or key for index, free, key in _STEP.findall(path.strip("."))
    ]
