"""Forms: declared settings as fields, submitted fields as settings, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from asimov import text
from asimov.settings import Fault
from asimov.settings.declaration import Field, fields
from asimov.settings.types import read

#: The most bytes of a field, in UTF-8: an argument of a program has at most 131,071 on Linux.
LARGEST = 100_000
#: What somebody filled in: the values of each field.
FormValues = Mapping[str, list[str]]


class FormField(NamedTuple):
    """A field of a form: its name there, and the setting."""

    name: str
    field: Field


def form_fields(settings: type | None) -> list[FormField]:
    """Return a field for each setting that a class declares; None has none."""
    if settings is None:
        return []
    return [FormField(camel(each.attribute), each) for each in fields(settings)]


def camel(name: str) -> str:
    """Return a name as other programs write it.

    Examples
    --------
    >>> camel("input_str"), camel("n")
    ('inputStr', 'n')
    """
    return re.sub(r"_+([^_])", lambda found: found[1].upper(), name.strip("_"))


def unusable(settings: type | None, values: FormValues) -> dict[str, list[str]]:
    """Return why what was filled in can't be passed to a program, by field."""
    names = {each.name for each in form_fields(settings)}
    said = {name: _why_unusable(settings, name, values[name]) for name in names & values.keys()}
    return {name: [why] for name, why in said.items() if why}


def _why_unusable(settings: type | None, name: str, given: list[str]) -> str | None:
    try:
        size = len("".join(given).encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if size > LARGEST:
        return f"may have at most {LARGEST} bytes, not {size}"
    if _holds_nul([given, values_of(settings, {name: given})]):
        return "contains a NUL character"
    return None


def _holds_nul(value: Any) -> bool:
    """Return whether there is a NUL character in a value, at any depth."""
    if isinstance(value, Mapping):
        return any(_holds_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def values_of(settings: type | None, values: FormValues) -> dict[str, Any]:
    """Return the settings that a form was filled in with, typed as they are declared.

    Other fields are ignored. What does not have the type stays text, so that a check names it.
    """
    found: dict[str, Any] = {}
    for name, field in form_fields(settings):
        given = values.get(name)
        if given is None:
            continue
        if len(given) > 1 or _is_item(given[0], field):
            found[field.name] = _several(given, field)
        elif given[0] == "" and not _is_text(field):
            continue  # an empty field of a page
        elif given[0] == "on" and read("true", field.kind) is True:
            found[field.name] = True  # as browsers send a ticked box
        else:
            found[field.name] = _plain(read(given[0], field.kind))
    return found


def _several(given: list[str], field: Field) -> Any:
    """Return what a field that came several times stands for: a list, or the last value."""
    try:
        return _plain(msgspec.convert(given, field.kind, strict=False))
    except (msgspec.ValidationError, TypeError):
        return _plain(read(given[-1], field.kind))


def _is_item(given: str, field: Field) -> bool:
    """Return whether a value is no text and no JSON, but the only item of a list."""
    try:
        msgspec.convert([given], field.kind, strict=False)
    except (msgspec.ValidationError, TypeError):
        return False
    return not given.lstrip().startswith("[") and given != ""


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=str)


def _is_text(field: Field) -> bool:
    try:
        msgspec.convert("", field.kind)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def messages_of(settings: type | None, faults: Iterable[Fault]) -> dict[str, list[str]]:
    """Return what is wrong, by the names of the form's fields."""
    names = {each.field.name: each.name for each in form_fields(settings)}
    found: dict[str, list[str]] = {}
    for fault in faults:
        first = fault.path[0] if fault.path else ""
        inside = ": ".join(fault.path[1:])
        said = f"{inside}: {fault.message}" if inside else fault.message
        found.setdefault(names.get(first, camel(first.replace(" ", "_"))), []).append(
            text.line(said)
        )
    return found
