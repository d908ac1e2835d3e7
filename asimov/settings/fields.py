"""Reading a settings class: its fields, and the struct by which msgspec checks them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from asimov.errors import AsimovError
from asimov.settings import types

#: What stands for the default of a setting that has none.
REQUIRED = object()


class Field(NamedTuple):
    """One field of a settings class.

    Attributes
    ----------
    attribute, name
        What the class and what the ledger calls it.
    kind
        Its type, as msgspec checks it.
    description
        What it is.
    default
        As the ledger would hold it, or `REQUIRED`.
    inner
        The dataclass, of a setting that is a mapping.
    may_miss
        Whether such a mapping may be nothing.
    """

    attribute: str
    name: str
    kind: Any
    description: str
    default: Any
    inner: type | None
    may_miss: bool

    @property
    def demands(self) -> bool:
        """Whether somebody has to give it, or something inside it."""
        if self.default is not REQUIRED or self.inner is None or self.may_miss:
            return self.default is REQUIRED
        return any(each.demands for each in fields(self.inner))


@cache
def fields(cls: type) -> tuple[Field, ...]:
    """Return the fields of a settings class.

    Raises
    ------
    AsimovError
        Where the class can't be used, with why.
    """
    struct_of(cls)
    hints = types.hints(cls)
    return tuple(_field(each, hints[each.name]) for each in _given(cls))


def struct_of(cls: type, *, plain: bool = False) -> type[Struct]:
    """Return the struct whose keys are the settings' names, for checks and for JSON Schema.

    Parameters
    ----------
    cls
        The settings class.
    plain
        Whether its defaults are as the ledger would hold them, as a schema needs them.

    Raises
    ------
    AsimovError
        Where the class can't be used, with why.
    """
    return _made(cls, plain)


@cache
def _made(cls: type, plain: bool) -> type[Struct]:
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise AsimovError(
            f"the settings class {_called(cls)} is no dataclass", hint="put @dataclass above it"
        )
    if cls in _being_read:
        raise AsimovError(f"the settings class {_called(cls)} contains itself")
    _being_read.append(cls)
    try:
        return _struct(cls, plain=plain)
    finally:
        _being_read.pop()


#: The classes that are being read, each inside the one before.
_being_read: list[type] = []
#: The dataclass that each struct stands for.
_real: dict[type, type] = {}


def real(value: Any) -> Any:
    """Return a struct as the dataclass that it stands for, and so what it holds."""
    if isinstance(value, Struct):
        return _real[type(value)](
            **{name: real(getattr(value, name)) for name in value.__struct_fields__}
        )
    if isinstance(value, dict):
        return {key: real(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(real(each) for each in value)
    return value


def bad(cls: type, attribute: str, why: str) -> AsimovError:
    """Return the error that says why a field can't be a setting."""
    return AsimovError(f"the settings class {_called(cls)}: the field {attribute!r}: {why}")


def _called(cls: Any) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', cls)!s}".strip(".")


def _given(cls: type) -> list[dataclasses.Field[Any]]:
    return [each for each in dataclasses.fields(cls) if each.init]


def _field(each: dataclasses.Field[Any], hint: Any) -> Field:
    inner, may_miss = _inner(hint)
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta)]
    return Field(
        each.name,
        _name(each.name, hint),
        types.translated(hint, struct_of),
        next((meta.description for meta in metas if meta.description), ""),
        _default(each),
        inner,
        may_miss,
    )


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default is not dataclasses.MISSING:
        return types.plain(each.default, _names)
    if each.default_factory is not dataclasses.MISSING:
        return types.plain(each.default_factory(), _names)
    return REQUIRED


def _name(attribute: str, hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and (meta.extra or {}).get("name"):
            return str((meta.extra or {})["name"])
    return attribute.replace("_", " ").strip()


def _names(cls: type) -> dict[str, str]:
    """Return the names of settings by those of the fields."""
    hints = types.hints(cls)
    return {each.name: _name(each.name, hints[each.name]) for each in _given(cls)}


def _inner(hint: Any) -> tuple[type | None, bool]:
    """Return the dataclass of a setting that is a mapping, and whether it may be nothing."""
    if get_origin(hint) is Annotated:
        return _inner(get_args(hint)[0])
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return hint, False
    members = [each for each in get_args(hint) if each is not type(None)]
    if len(members) == 1 and type(None) in get_args(hint):
        return _inner(members[0])[0], True
    return None, False


def _struct(cls: type, *, plain: bool) -> type[Struct]:
    try:
        hints = types.hints(cls)
    except Exception as error:  # whatever evaluating an annotation raises
        raise AsimovError(
            f"the settings class {_called(cls)}: a type can't be read: {error}",
            hint="what its types name must be imported in its module, also at run time",
        ) from error
    parts: list[Any] = []
    names: dict[str, str] = {}
    for each in _given(cls):
        name = _name(each.name, hints[each.name])
        if name in names.values():
            raise bad(cls, each.name, f"there are two settings {name!r}")
        names[each.name] = name
        kind = types.translated(hints[each.name], partial(struct_of, plain=plain))
        why = types.unusable(kind)
        if why:
            raise bad(cls, each.name, why)
        parts.append(_part(each, kind, _as_it_is if plain else _typed))
    made = msgspec.defstruct(
        cls.__name__,
        parts,
        module=cls.__module__,
        rename=names,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    written = not (cls.__doc__ or "").startswith(f"{cls.__name__}(")  # by a person
    made.__doc__ = cls.__doc__ if written else None
    _real[made] = cls
    return made


def _part(each: dataclasses.Field[Any], kind: Any, of: Callable[[Any, Any], Any]) -> Any:
    default = _default(each)
    if default is REQUIRED:
        return each.name, kind
    if isinstance(default, (dict, list)):
        return each.name, kind, msgspec.field(default_factory=lambda: of(default, kind))
    return each.name, kind, of(default, kind)


def _as_it_is(value: Any, kind: Any) -> Any:
    return value


def _typed(value: Any, kind: Any) -> Any:
    try:
        return types.converted(value, kind)
    except msgspec.ValidationError:
        return value  # `asimov.settings.declare.check` refuses it
