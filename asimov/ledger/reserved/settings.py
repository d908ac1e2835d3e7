"""The settings that asimov itself reads, and what is wrong with the types of their values.

They are the same for every pipeline and at every level: an analysis, its subject, the project and
a pipeline's section of the project's settings. All other settings are free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from asimov.ledger import hold_policy, shapes, validity
from asimov.ledger.reserved import requests
from asimov.ledger.shapes import Fault
from asimov.text import quoted


class Settings(Struct, kw_only=True):
    """The settings that every level may have."""

    executable: Annotated[str | None, Meta(description="The program that runs.")] = None
    template: Annotated[str | None, Meta(description="The template of the configuration.")] = None
    labels: Annotated[
        list[str] | dict[str, Any] | None,
        Meta(description="Names that others select by, or names with values."),
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
            description="Whether an analysis that is out of date runs again by itself.",
            extra_json_schema={"enum": [*validity.RERUNS, None]},
        ),
    ] = None
    reuse: Annotated[
        Any,
        Meta(
            description="Whether stored products that it would only make again are taken over.",
            extra_json_schema={"type": ["boolean", "null"]},
        ),
    ] = None
    max_resurrections: Annotated[
        Any,
        Meta(
            description="How often a job that failed is submitted again.",
            extra_json_schema={"type": "integer", "minimum": 0},
        ),
    ] = field(default=5, name="max resurrections")
    resurrection_pause: Annotated[
        Any,
        Meta(
            description="Seconds to wait before that.",
            extra_json_schema={"type": "number", "minimum": 0},
        ),
    ] = field(default=60, name="resurrection pause")


#: The names of these settings.
NAMES = frozenset(Settings.__struct_encode_fields__)
#: Those about jobs that failed: their types, also in words.
OF_FAILURES: dict[str, tuple[tuple[type, ...], str]] = {
    "max resurrections": ((int,), "a whole number"),
    "resurrection pause": ((int, float), "a number of seconds"),
}
_MANY = 1e9


class _Effective(Settings, kw_only=True):
    """Besides these, what asimov and pipelines write to an analysis, and people may write too."""

    postprocessing: dict[str, Any] | None = None
    rundir: str | None = None
    answers: dict[str, Any] | None = None


def fault(settings: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with the types of reserved settings in a mapping; None if nothing is.

    It is asked of blueprints, and of effective settings at every build. Ledger files are read
    whatever it says of them, so that one wrong value stops one analysis only.
    """
    if wrong := shapes.mismatch(settings, _Effective):
        return wrong
    if wrong := policy_fault(settings):
        return wrong
    if wrong := requests.fault(settings.get("scheduler") or {}):
        return wrong[0], ["scheduler", *wrong[1]]
    return _fault_of_labels(settings.get("labels"))


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
            return f"should be {what} from 0, and is {quoted(value)}", [name]
    return None


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
            return f"should be {wanted}, and is {quoted(value)}", ["labels", step]
    return None
