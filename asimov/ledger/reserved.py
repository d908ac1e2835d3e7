"""The settings that asimov itself reads: the types of their values, and where they may be written.

They are the same for every pipeline and at every level: an analysis, its subject, the project and
a pipeline's section of the project's settings. All other settings are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from asimov.ledger import hold_policy, shapes, validity
from asimov.ledger.shapes import Fault
from asimov.text import quoted

#: Where settings are written: in an analysis, its subject, the project's ``configuration``, or a
#: pipeline's section of that.
Level = Literal["analysis", "subject", "configuration", "section"]

#: Keys that have an effect at one level only: a value at another one would do nothing.
ONLY_IN: dict[str, tuple[Level, str]] = {
    "needs": ("analysis", "set it in each analysis that should wait"),
    "pipelines": ("configuration", "put it into a 'kind: configuration' document"),
    "hooks": ("configuration", "put it into a 'kind: configuration' document"),
}
#: Where keys belong that may be settings of somebody's own elsewhere, but rarely are.
BELONGS = {
    "strategy": "an analysis of a blueprint",
    "pipeline": "an analysis",
    "subject": "an analysis",
    "event": "an analysis",
    "subjects": "a document of the kind 'projectanalysis'",
    "analyses": "a subject or an analysis",
    "productions": "a subject",
    "repository": "a subject",
}
_CALLED: dict[Level, str] = {
    "analysis": "an analysis",
    "subject": "a subject",
    "configuration": "the project's settings",
    "section": "the settings of a pipeline",
}


class Settings(Struct, kw_only=True):
    """The settings that every level may have."""

    executable: Annotated[str | None, Meta(description="The program that runs.")] = None
    template: Annotated[str | None, Meta(description="The template of the configuration.")] = None
    labels: Annotated[
        list[str] | dict[str, Any] | None,
        Meta(description="Labels to select it by: names, or names with values."),
    ] = None
    refreshable: Annotated[
        bool | None, Meta(description="Whether it runs again when there are more inputs.")
    ] = None
    scheduler: Annotated[
        dict[str, Any] | None, Meta(description="Submit commands, such as 'request memory'.")
    ] = None
    postprocessing: Annotated[
        Any,
        Meta(
            description="What follows the analysis, by name.",
            extra_json_schema={"type": ["object", "null"]},
        ),
    ] = None
    holds: Annotated[
        dict[str, Any] | None,
        Meta(description="What to do about held jobs: see the page 'Holds and failures'."),
    ] = None
    outdated_by: Annotated[
        Any,
        Meta(
            description="What makes a result out of date; by default everything.",
            extra_json_schema={
                "type": ["array", "null"],
                "items": {"enum": list(validity.KINDS)},
            },
        ),
    ] = field(default=None, name=validity.OUTDATED_BY)
    rerun: Annotated[
        Any,
        Meta(
            description="Whether an analysis that is out of date runs again automatically.",
            extra_json_schema={"enum": [*validity.RERUNS, None]},
        ),
    ] = None
    reuse: Annotated[
        Any,
        Meta(
            description="Whether to reuse stored products that it would only make again.",
            extra_json_schema={"type": ["boolean", "null"]},
        ),
    ] = None
    max_resurrections: Annotated[
        Any,
        Meta(
            description="How many times a failed job is submitted again.",
            extra_json_schema={"type": "integer", "minimum": 0},
        ),
    ] = field(default=5, name="max resurrections")
    resurrection_pause: Annotated[
        Any,
        Meta(
            description="Seconds to wait before submitting it again.",
            extra_json_schema={"type": "number", "minimum": 0},
        ),
    ] = field(default=60, name="resurrection pause")


#: The names of these settings.
NAMES = frozenset(Settings.__struct_encode_fields__)
#: Those about jobs that failed: their types, also in words.
OF_FAILURES: dict[str, tuple[tuple[type, ...], str]] = {
    "max resurrections": ((int,), "a whole number of at least 0"),
    "resurrection pause": ((int, float), "a number of seconds, at least 0"),
}
_MANY = 1e9

#: What a job requests of a machine: a number of something, with the least that makes sense, ...
_NUMBERS = {"cpus": 1, "gpus": 0}
#: ... or a size.
_SIZES = {"memory": "4 GB", "disk": "10 GB"}
_SIZE = re.compile(r"\d+(\.\d+)?\s*([KMGTP]?i?B?)", re.IGNORECASE)
#: Text with one of these is an expression over attributes of the job and the machine.
_EXPRESSION = re.compile(r"[()$.<>=+*/?&|\[\]]")


class _Effective(Settings, kw_only=True):
    """Besides these, what asimov and pipelines write to an analysis, and people may write too."""

    postprocessing: dict[str, Any] | None = None
    rundir: str | None = None
    answers: dict[str, Any] | None = None


def without_effect(level: Level) -> frozenset[str]:
    """Return the keys that mean nothing at a level; they are not among its settings."""
    return frozenset(key for key, (only, _) in ONLY_IN.items() if only != level)


def check_settings(
    settings: Mapping[str, Any],
    level: Level | None,
    path: Sequence[str | int] = (),
    at: list[str | int] | None = None,
) -> None:
    """Refuse settings of a blueprint that have no effect at their level, or not their type.

    Parameters
    ----------
    settings
        The settings.
    level
        The level; None for a document that is on none, such as a bundle.
    path
        The keys of mappings and indices of lists that lead to them in their document.
    at
        What to give as the place of a mistake; by default, its own.

    Raises
    ------
    Mistake
        With the keys that lead to it, also in words.
    """
    if wrong := policy_fault(settings) if level is None else fault(settings):
        raise shapes.mistake(wrong, path, at)
    for key in settings:
        if level and key in ONLY_IN and ONLY_IN[key][0] != level:
            misplaced: Fault = (f"has no effect in {_CALLED[level]}", [key])
            raise shapes.mistake(misplaced, path, at, hint=ONLY_IN[key][1])


def fault(settings: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with the types of reserved settings in a mapping; None if nothing is.

    It is asked of blueprints, and of effective settings at every build. Ledger files are read
    whatever it says of them, so that one wrong value stops one analysis only.
    """
    return shapes.mismatch(settings, _Effective) or policy_fault(settings) or _value_fault(settings)


def policy_fault(settings: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with the settings about holds, failures and reruns in a mapping.

    The monitor follows them at every pass, so that ledger files with a fault are refused too.
    """
    if "holds" in settings and (wrong := hold_policy.fault(settings["holds"])):
        return wrong[0], ["holds", *wrong[1]]
    if wrong := validity.fault(settings):
        return wrong
    for name, (kinds, what) in OF_FAILURES.items():
        value = settings.get(name, 0)
        number = isinstance(value, (int, float)) and isinstance(value, kinds)
        if isinstance(value, bool) or not number or not 0 <= value < _MANY:
            return f"should be {what}, not {quoted(value)}", [name]
    return None


def _value_fault(settings: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with values that have a grammar of their own; None if nothing is."""
    return _fault_of_requests(settings.get("scheduler") or {}) or _fault_of_labels(
        settings.get("labels")
    )


def _fault_of_requests(scheduler: Mapping[Any, Any]) -> Fault | None:
    """Return what is wrong with the requests among submit commands; None if nothing is.

    Parameters
    ----------
    scheduler
        The setting ``scheduler``. HTCondor reads a request as a ClassAd expression, in which a
        word such as ``lots`` stands for an attribute that no machine has: such a job waits for
        ever.
    """
    for key, value in scheduler.items():
        name = str(key).strip().lower().replace("_", " ").removeprefix("request ")
        if name in _NUMBERS and not _is_number(value, _NUMBERS[name]):
            wanted = f"a whole number of at least {_NUMBERS[name]}"
        elif name in _SIZES and not _is_size(value):
            wanted = f"a size such as '{_SIZES[name]}'"
        else:
            continue
        return f"should be {wanted}, not {quoted(value)}", ["scheduler", key]
    return None


def _is_number(value: Any, least: int) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return int(text) >= least if _is_digits(text) else _is_expression(text)
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_size(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return _SIZE.fullmatch(text) is not None or _is_expression(text)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_expression(text: str) -> bool:
    return _EXPRESSION.search(text) is not None


def _fault_of_labels(labels: Any) -> Fault | None:
    given: Iterator[tuple[Any, str]] = (
        ((name, str(name)) for name in labels)
        if isinstance(labels, Mapping)
        else ((number, name) for number, name in enumerate(labels or ()))
    )
    for step, name in given:
        if not name.strip() or name.startswith("!") or any(sign in name for sign in "<>="):
            why = f"{quoted(name)} can't be a label: nothing could select it"
            return f"{why}; write names, or names with values: {{quality: 3}}", ["labels", step]
        value = labels[step] if isinstance(labels, Mapping) else None
        if isinstance(value, (Mapping, list)):
            wanted = "text, a number, or true or false"
            return f"should be {wanted}, not {quoted(value)}", ["labels", step]
    return None
