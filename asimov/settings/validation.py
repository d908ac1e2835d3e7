"""Check settings against a settings class, and provide its defaults and its documentation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from asimov.errors import AsimovError
from asimov.settings import types
from asimov.settings.declaration import REQUIRED, BaseSettings, Field, bad, fields
from asimov.settings.merging import copied, lay_over, merge
from asimov.text import did_you_mean

T = TypeVar("T", bound=BaseSettings)
#: How YAML spells numbers that digits can't.
_NOT_FINITE = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}
#: Asimov's own keys of an analysis. No pipeline may declare them: asimov also reads them where it
#: loads no pipeline, and would miss a default.
RESERVED = frozenset(
    {"kind", "name", "event", "subject", "subjects", "pipeline", "status"}
    | {"needs", "analyses", "strategy", "comment"}
    | {"rundir", "review", "answers", "job id", "resurrections"}
)


def Setting(description: str, **limits: Any) -> Meta:  # noqa: N802
    """Describe a setting, for ``Annotated[int, Setting("How many steps.", ge=1)]``.

    Parameters
    ----------
    description
        What it is, with its unit.
    **limits
        ``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``, ``pattern``, ``min_length``,
        ``max_length``, as of `msgspec.Meta`. They limit the annotated type, so that a setting that
        may be null is ``Annotated[int, Setting("How many steps.", ge=1)] | None``.
    """
    return Meta(description=description, **limits)


class Fault(NamedTuple):
    """A fault of a setting.

    Attributes
    ----------
    path
        The keys that lead to it.
    message
        What is wrong, without the keys.
    hint
        What to do about it, or None.
    final
        Whether nothing that may follow can mend it, such as a misspelt name: 'asimov apply'
        refuses it. Of other faults, such as a missing file, 'asimov apply' only prints a note.
    likely
        Whether it may be meant all the same: 'asimov apply' prints a note, and no build refuses it.
    """

    path: tuple[str, ...]
    message: str
    hint: str | None = None
    final: bool = False
    likely: bool = False

    def __str__(self) -> str:
        return f"{': '.join(self.path)}: {self.message}"


class Row(NamedTuple):
    """A declared setting, described in words.

    Attributes
    ----------
    setting
        Its name, after that of the mapping around it, if any: ``sampler: steps``.
    kind
        Its type.
    default
        Its default as text, ``required``, or empty if it has no default of its own.
    description
        What it is.
    """

    setting: str
    kind: str
    default: str
    description: str


def is_class(declared: object) -> bool:
    """Return whether a pipeline declares a settings class rather than only names."""
    return isinstance(declared, type)


def check(cls: type) -> None:
    """Refuse a settings class that can't be used.

    Raises
    ------
    AsimovError
        If it is no settings class, or if one of its fields can't be a setting.
    """
    for field in fields(cls):
        if {field.name, field.attribute} & RESERVED:
            hint = "give it another name"
            raise bad(cls, field.attribute, f"{field.name!r} is a key of every analysis", hint)
    _check_defaults(cls)


def _check_defaults(cls: type) -> None:
    for field in fields(cls):
        if field.inner is not None:
            _check_defaults(field.inner)
            if isinstance(field.default, Mapping):
                whole = lay_over(defaults(field.inner, field.default), field.default)
                wrong = next(_faults(field.inner, whole, (field.name,)), None)
                if wrong is not None:
                    raise bad(cls, field.attribute, f"its default: {wrong}")
        elif field.default is not REQUIRED and (fault := _fault(field.default, field, ())):
            raise bad(cls, field.attribute, f"its default {fault.message}")


def names(cls: type) -> tuple[str, ...]:
    """Return the names of the settings that a class declares."""
    return tuple(field.name for field in fields(cls))


def rows(cls: type) -> list[Row]:
    """Describe every declared setting; those inside a mapping follow the mapping."""
    found = []
    for field in fields(cls):
        default = "required" if field.default is REQUIRED else _text(field.default)
        if field.inner is None:
            kind = types.words(field.kind)
            found.append(Row(field.name, kind, default, field.description))
            continue
        needed = "required" if field.demands else "nothing" if field.may_miss else ""
        found.append(Row(field.name, "a mapping", needed, field.description))
        own = field.default if isinstance(field.default, Mapping) else {}
        for row in rows(field.inner):
            text = _text(own[row.setting]) if row.setting in own else row.default
            found.append(row._replace(setting=f"{field.name}: {row.setting}", default=text))
    return found


def defaults(cls: type, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the defaults for some settings, as a new mapping.

    Parameters
    ----------
    cls
        The settings class.
    given
        The settings. A mapping that may be null has defaults inside only if it is given.
    """
    found: dict[str, Any] = copied(_defaults(cls))
    for field in fields(cls):
        above = (given or {}).get(field.name)
        if field.inner is None or (field.may_miss and not isinstance(above, Mapping)):
            continue
        inner = defaults(field.inner, above if isinstance(above, Mapping) else None)
        own = found.get(field.name)
        if inner or own is not None:
            found[field.name] = merge([inner, own]) if isinstance(own, dict) else inner
    return found


def respelled(cls: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the names of fields (``max_steps``) by those of settings (``max steps``).

    A setting given in both spellings is left alone; `faults` reports it.
    """
    found: dict[str, Any] = dict(settings)
    for field in fields(cls):
        if field.attribute in found and field.name not in found:
            found = {
                field.name if key == field.attribute else key: each for key, each in found.items()
            }
        value = found.get(field.name)
        if field.inner is not None and isinstance(value, Mapping):
            found[field.name] = respelled(field.inner, value)
    return found


def faults(cls: type, settings: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of effective settings.

    Keys that the class does not declare are ignored, except inside a mapping that it declares.

    Parameters
    ----------
    cls
        The settings class.
    settings
        The effective settings, with or without the defaults.
    """
    return list(_faults(cls, _whole(cls, settings), ()))


def made(cls: type[T], settings: Mapping[str, Any]) -> T:
    """Create an instance of a settings class from settings.

    Parameters
    ----------
    cls
        The settings class.
    settings
        The effective settings, with or without the defaults.

    Raises
    ------
    AsimovError
        If there are faults, or if the class itself refuses the settings.
    """
    whole = _whole(cls, settings)
    wrong = list(_faults(cls, whole, ()))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise AsimovError(f"{wrong[0]}{more}", hint=wrong[0].hint)
    declared = {name: whole[name] for name in names(cls) if name in whole}
    try:
        instance: T = types.converted(declared, cls)
    except msgspec.ValidationError as error:  # raised by the checks of the class itself
        why = str(error).partition(" - at ")[0]
        raise AsimovError(f"the settings are refused: {why}") from error
    return instance


@cache
def _defaults(cls: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(cls) if field.default is not REQUIRED}


def _whole(cls: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    settings = respelled(cls, settings)
    return lay_over(defaults(cls, settings), settings)


def _faults(cls: type, settings: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Fault]:
    for field in fields(cls):
        here = (*path, field.name)
        if field.attribute != field.name and {field.attribute, field.name} <= settings.keys():
            yield Fault(here, f"is also given as {field.attribute!r}", "give it only once")
        value = settings.get(field.name, {} if field.inner and not field.may_miss else REQUIRED)
        if value is REQUIRED:
            yield Fault(here, f"is missing: it should be {types.words(field.kind)}")
        elif field.inner is not None and isinstance(value, Mapping):
            yield from _faults(field.inner, value, here)
        elif fault := _fault(value, field, here):
            yield fault
    if path:
        known = [*names(cls), *(field.attribute for field in fields(cls))]
        for key in settings:
            if key not in known:
                why = f"there is no such setting{did_you_mean(key, names(cls))}"
                yield Fault((*path, str(key)), why, f"the settings are {', '.join(names(cls))}")


def _fault(value: Any, field: Field, path: tuple[str, ...]) -> Fault | None:
    try:
        types.converted(value, field.kind)
    except msgspec.ValidationError as error:
        wanted = types.words(field.kind)
        message, _, place = str(error).partition(" - at ")
        inside, bad_value = _inside(value, field, place.strip("`"))
        named = re.search("field `(.*)`", message)
        if isinstance(error.__cause__, (ValueError, TypeError)):  # raised by a class in a list
            why = f"{inside} is refused: {error.__cause__}"
        elif named:  # of a class in a list
            why = f"{inside} {'lacks' if 'missing' in message else 'has no setting'} {named[1]!r}"
        elif inside:
            why = f"should be {wanted}, but {inside} is {types.shown(bad_value)}"
        else:
            near = did_you_mean(value, types.allowed(field.kind)) if isinstance(value, str) else ""
            why = f"should be {wanted}, not {types.shown(value)}{near}"
        return Fault(path, why, _number(bad_value, wanted, field))
    return None


def _inside(value: Any, field: Field, place: str) -> tuple[str, Any]:
    """Describe the place that a path of msgspec leads to, and return the value there."""
    words = []
    for number, key, free in re.findall(r"\[(\d+)\]|\.([^.\[\]]+)|(\[\.\.\.\])", place):
        if free and isinstance(value, Mapping):
            key = next((k for k in value if not _fits({k: value[k]}, field)), "")  # noqa: PLW2901
        try:
            value = value[int(number)] if number else value[key]
        except (LookupError, TypeError):
            break
        words.append(f"item {int(number) + 1}" if number else repr(key))
    return ": ".join(words), value


def _fits(value: Any, field: Field) -> bool:
    try:
        types.converted(value, field.kind)
    except msgspec.ValidationError:
        return False
    return True


def _number(value: Any, wanted: str, field: Field) -> str | None:
    """Return a hint about text that looks like a number, and about what is none: nan and inf."""
    if not isinstance(value, str | float) or "number" not in wanted:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number):
        if isinstance(value, float) or not _fits(number, field):
            return "write digits, such as 12 or 1.5"
        return f"to YAML {value} is text: write it as {_NOT_FINITE[str(number)]}"
    return _written_as_text(value, number) if isinstance(value, str) else None


def _written_as_text(value: str, number: float) -> str:
    if "e" in value.lower() and number:
        return f"to YAML {value} is text: write it with a point and a sign, such as 1.0e-3"
    return "write it without quotes"


def _text(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()
