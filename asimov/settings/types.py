"""Convert values to the types of declared settings, and describe these types in words."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from asimov.text import short

#: The names of plain types in messages, singular and plural.
_WORDS: dict[type, tuple[str, str]] = {
    inspect.BoolType: ("true or false", "truth values"),
    inspect.IntType: ("a whole number", "whole numbers"),
    inspect.FloatType: ("a number", "numbers"),
    inspect.DecimalType: ("a number", "numbers"),
    inspect.StrType: ("text", "texts"),
    inspect.DateType: ("a date such as 2020-01-31", "dates"),
    inspect.DateTimeType: ("a time such as 2020-01-31T12:00:00", "times"),
    inspect.NoneType: ("nothing", "nothing"),
    inspect.AnyType: ("anything", "anything"),
}


def is_union(kind: Any) -> bool:
    """Return whether a type is a union, in either spelling."""
    return get_origin(kind) in {Union, types.UnionType}


def structs(kind: Any) -> Iterator[type]:
    """Yield the structs in a type, at any depth but not inside one another."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for each in get_args(kind):
        yield from structs(each)


def unusable(kind: Any) -> str | None:
    """Return why a setting can't have a type, or None."""
    try:
        return _odd(inspect.type_info(kind))
    except (TypeError, AttributeError, NameError) as error:
        return str(error).partition(" - type ")[0]


def _odd(info: inspect.Type) -> str | None:
    custom = (inspect.CustomType, inspect.DataclassType, inspect.TypedDictType)
    if isinstance(info, custom) and info.cls is not Path:
        return f"a ledger can't contain values of the type {info.cls.__name__}"
    if isinstance(info, inspect.Metadata):
        return _odd(info.type)
    inner = [getattr(info, name, None) for name in ("key_type", "value_type", "item_type")]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    return next((odd for each in inner if each and (odd := _odd(each))), None)


def converted(value: Any, kind: Any) -> Any:
    """Convert a value from the ledger to its type; paths are text in the ledger.

    Raises
    ------
    msgspec.ValidationError
        If it does not have the type.
    """
    return msgspec.convert(value, kind, dec_hook=_decoded)


def read(text: str, kind: Any) -> Any:
    """Return the value that a text stands for, such as a field of a form; the text if it is none.

    What is no plain type is written as JSON.
    """
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=_decoded)
    except msgspec.ValidationError:
        pass
    try:
        value = msgspec.json.decode(text)
        msgspec.convert(value, kind, dec_hook=_decoded)
    except (msgspec.MsgspecError, UnicodeError):
        return text
    return value


def _decoded(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError("Expected `str`")


def words(kind: Any) -> str:
    """Describe the values of a type: ``a whole number of at least 1``."""
    return _said(inspect.type_info(kind), 0)


def _said(info: inspect.Type, many: int) -> str:
    if isinstance(info, inspect.Metadata):
        return _said(info.type, many)
    if isinstance(info, inspect.UnionType):
        parts = [_said(each, many) for each in info.types]
        parts.sort(key=lambda part: part == "nothing")
        return " or ".join(dict.fromkeys(parts))
    if isinstance(info, (inspect.LiteralType, inspect.EnumType)):
        allowed = ", ".join(map(_value, choices(info)))
        return allowed if len(choices(info)) == 1 else f"one of {allowed}"
    return _called(info)[many] + _of(info) + _limits(info)


def _called(info: inspect.Type) -> tuple[str, str]:
    """Return the names of a type, singular and plural."""
    if isinstance(info, inspect.CustomType):
        return "a path", "paths"
    if isinstance(info, (inspect.StructType, inspect.DictType)):
        return "a mapping", "mappings"
    if isinstance(info, (inspect.CollectionType, inspect.TupleType)):
        return "a list", "lists"
    return _WORDS.get(type(info), ("text", "texts"))


def _of(info: inspect.Type) -> str:
    """Describe the items of a collection."""
    if isinstance(info, inspect.TupleType):
        return " of " + ", ".join(_said(each, 0) for each in info.item_types)
    inner = getattr(info, "value_type", None) or getattr(info, "item_type", None)
    if inner is None or isinstance(inner, inspect.AnyType):
        return ""
    names = "names to " if isinstance(info, inspect.DictType) else ""
    return f" of {names}{_said(inner, 1)}"


def allowed(kind: Any) -> list[Any]:
    """Return the values that a type enumerates, or none."""
    return choices(inspect.type_info(kind))


def choices(info: inspect.Type) -> list[Any]:
    """Return the values of a literal or an enumeration."""
    if isinstance(info, inspect.Metadata):
        return choices(info.type)
    if isinstance(info, inspect.UnionType):
        return [value for each in info.types for value in choices(each)]
    if isinstance(info, inspect.LiteralType):
        return list(info.values)
    return [each.value for each in info.cls] if isinstance(info, inspect.EnumType) else []


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value)


def _limits(info: inspect.Type) -> str:
    given = {name: getattr(info, name, None) for name in ("gt", "ge", "lt", "le", "multiple_of")}
    least = "of at least" if given["le"] is None and given["lt"] is None else "from"
    most = "up to" if given["ge"] is None else "to"
    names = (("gt", "above"), ("ge", least), ("lt", "below"), ("le", most))
    text = "".join(f" {word} {given[name]}" for name, word in names if given[name] is not None)
    if given["multiple_of"] is not None:
        text += f", a multiple of {given['multiple_of']}"
    if getattr(info, "pattern", None):
        text += f" that matches {info.pattern!r}"  # type: ignore[attr-defined]
    return text + _length(info)


def _length(info: inspect.Type) -> str:
    least, most = getattr(info, "min_length", None), getattr(info, "max_length", None)
    what = "characters" if isinstance(info, inspect.StrType) else "items"
    if least is not None and most is not None:
        return f" of {least} to {most} {what}"
    if least is not None:
        return f" of {least} {what} or more"
    return f" of at most {most} {what}" if most is not None else ""


def shown(value: Any) -> str:
    """Return a value in the form for messages."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)) and len(value) > 3:
        return f"a list of {len(value)} items"
    return short(_value(value), 60)
