"""The types that declared settings may have: as msgspec checks them, and in words.

Types are taken over as they are, but that dataclasses become structs whose keys are the settings'
names, so that one library checks values and writes the JSON Schema.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, inspect

from asimov.text import short

#: Limits of `msgspec.Meta` that concern a value.
_LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")
#: Plain types and what they are called in messages.
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


def translated(hint: Any, struct: Callable[[type], type]) -> Any:
    """Return a type with its dataclasses replaced, and limits where msgspec takes them.

    Parameters
    ----------
    hint
        The type of a field.
    struct
        Returns what stands for a dataclass.
    """
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return struct(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None or origin is Literal:
        return hint
    if origin is Annotated:
        return _annotated(translated(arguments[0], struct), hint.__metadata__)
    new = tuple(each if each is Ellipsis else translated(each, struct) for each in arguments)
    if new == arguments:
        return hint
    if origin in {Union, types.UnionType}:
        return Union[new]  # noqa: UP007  (of a tuple)
    return origin[new]


def _annotated(kind: Any, metadata: tuple[Any, ...]) -> Any:
    """Annotate a type; limits of a union are those of its members that can have them."""
    if get_origin(kind) in {Union, types.UnionType}:
        kind = Union[tuple(_limited(each, metadata) for each in get_args(kind))]  # noqa: UP007
        metadata = tuple(
            Meta(description=each.description, extra=each.extra) if isinstance(each, Meta) else each
            for each in metadata
        )
    for each in metadata:
        kind = Annotated[kind, each]
    return kind


def _limited(kind: Any, metadata: tuple[Any, ...]) -> Any:
    for each in metadata:
        limits = {name: getattr(each, name, None) for name in _LIMITS}
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        if not limits:
            continue
        try:
            inspect.type_info(Annotated[kind, Meta(**limits)])
        except TypeError:
            continue  # such as None, which has no size
        kind = Annotated[kind, Meta(**limits)]
    return kind


def unusable(kind: Any) -> str | None:
    """Say why no value of a ledger can be of a type; None where one can."""
    try:
        return _odd(inspect.type_info(kind))
    except (TypeError, AttributeError, NameError) as error:
        return str(error).partition(" - type ")[0]


def _odd(info: inspect.Type) -> str | None:
    if isinstance(info, inspect.CustomType) and info.cls is not Path:
        return f"the ledger has no values of the type {info.cls.__name__}"
    if isinstance(info, inspect.Metadata):
        return _odd(info.type)
    inner = [getattr(info, name, None) for name in ("key_type", "value_type", "item_type")]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    return next((odd for each in inner if each and (odd := _odd(each))), None)


def converted(value: Any, kind: Any) -> Any:
    """Return a value as its type has it; paths are text in the ledger.

    Raises
    ------
    msgspec.ValidationError
        Where it is not of the type.
    """
    return msgspec.convert(value, kind, dec_hook=_decoded)


def _decoded(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError("Expected `str`")


def words(kind: Any) -> str:
    """Say in words what a value should be: ``a whole number from 1``."""
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
    """Return what a type is called, of one value and of many."""
    if isinstance(info, inspect.CustomType):
        return "a path", "paths"
    if isinstance(info, (inspect.StructType, inspect.DictType)):
        return "a mapping", "mappings"
    if isinstance(info, (inspect.CollectionType, inspect.TupleType)):
        return "a list", "lists"
    return _WORDS.get(type(info), ("text", "texts"))


def _of(info: inspect.Type) -> str:
    """Return what a collection is of."""
    if isinstance(info, inspect.TupleType):
        return " of " + ", ".join(_said(each, 0) for each in info.item_types)
    inner = getattr(info, "value_type", None) or getattr(info, "item_type", None)
    if inner is None or isinstance(inner, inspect.AnyType):
        return ""
    names = "names to " if isinstance(info, inspect.DictType) else ""
    return f" of {names}{_said(inner, 1)}"


def allowed(kind: Any) -> list[Any]:
    """Return the values that a type names one by one; none where it does not."""
    return choices(inspect.type_info(kind))


def choices(info: inspect.Type) -> list[Any]:
    """Return the values that literals and enumerations allow."""
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
    told = (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to"))
    text = "".join(f" {word} {given[name]}" for name, word in told if given[name] is not None)
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
    """Return a value as messages show it."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)) and len(value) > 3:
        return f"a list of {len(value)} items"
    return short(_value(value), 60)


def plain(value: Any, keys: Callable[[type], Mapping[str, str]]) -> Any:
    """Return a default as the ledger would hold it.

    Parameters
    ----------
    value
        The default.
    keys
        Returns the names of settings by those of a dataclass's fields.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = keys(type(value))
        return {names[name]: plain(getattr(value, name), keys) for name in names}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(each, keys) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each, keys) for each in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


@functools.cache
def hints(cls: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields by their names."""
    return typing.get_type_hints(cls, include_extras=True)
