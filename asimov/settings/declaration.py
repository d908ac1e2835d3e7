"""The base of settings classes, and the description of each setting that a class declares."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from asimov.errors import AsimovError
from asimov.settings import types

#: Stands for the default of a setting that has none.
REQUIRED = object()


def _spaced(attribute: str) -> str:
    return attribute.replace("_", " ").strip()


class BaseSettings(Struct, forbid_unknown_fields=True, rename=_spaced):
    """The base of every settings class: a field for each setting of a pipeline.

    A field ``max_steps`` is the setting ``max steps``, unless `msgspec.field` gives it another
    name. A field without a default is required. A field that is itself a settings class is a
    mapping, which is required if any of its own fields is.
    """


class Field(NamedTuple):
    """One field of a settings class.

    Attributes
    ----------
    attribute, name
        Its name in the class and in the ledger.
    kind
        Its type.
    description
        What the setting is.
    default
        Its default as the ledger would hold it, or `REQUIRED`.
    inner
        The settings class of a setting that is a mapping, or None.
    may_miss
        Whether such a mapping may be ``null``.
    """

    attribute: str
    name: str
    kind: Any
    description: str
    default: Any
    inner: type[BaseSettings] | None
    may_miss: bool

    @property
    def demands(self) -> bool:
        """Whether the ledger must set it, or something inside it."""
        if self.default is not REQUIRED or self.inner is None or self.may_miss:
            return self.default is REQUIRED
        return any(each.demands for each in fields(self.inner))


@cache
def fields(cls: type) -> tuple[Field, ...]:
    """Return the fields of a settings class.

    Raises
    ------
    AsimovError
        Where the class can't be used, with the field and the reason.
    """
    if not (isinstance(cls, type) and issubclass(cls, BaseSettings)):
        raise AsimovError(
            f"{_called(cls)} is not a settings class",
            hint="derive it from asimov.settings.BaseSettings",
        )
    if cls in _being_read:
        raise AsimovError(f"the settings class {_called(cls)} contains itself")
    _being_read.append(cls)
    try:
        return tuple(_read(cls))
    finally:
        _being_read.pop()


#: The classes that are being read, each inside the one before.
_being_read: list[type] = []


def bad(cls: type, attribute: str, why: str, hint: str | None = None) -> AsimovError:
    """Return the error that says why a field can't be a setting."""
    return AsimovError(
        f"the settings class {_called(cls)}: the field {attribute!r}: {why}", hint=hint
    )


def _called(cls: Any) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', cls)!s}".strip(".")


def _read(cls: type[BaseSettings]) -> Iterator[Field]:
    try:
        given = msgspec.structs.fields(cls)
    except Exception as error:  # whatever evaluating an annotation raises
        raise AsimovError(
            f"the settings class {_called(cls)} has a type that can't be resolved: {error}",
            hint="for its author: import the names of its types at run time too, not only for type "
            "checking",
        ) from error
    for each in given:
        for inside in types.structs(each.type):
            fields(inside)  # refuses what can't be used
        if why := types.unusable(each.type):
            hint = "limit the type itself: Annotated[int, Setting(...)] | None"
            raise bad(cls, each.name, why, hint if "Can only set" in why else None)
        description = next((m.description for m in _metas(each.type) if m.description), "")
        inner, may_miss = _inner(each.type)
        yield Field(
            each.name, each.encode_name, each.type, description, _default(each), inner, may_miss
        )


def _metas(hint: Any) -> Iterator[Meta]:
    """Yield the annotations of a type, including those of the members of a union."""
    if get_origin(hint) is Annotated:
        yield from (each for each in hint.__metadata__ if isinstance(each, Meta))
        yield from _metas(get_args(hint)[0])
    elif types.is_union(hint):
        for each in get_args(hint):
            yield from _metas(each)


def extras(kind: Any) -> dict[str, Any]:
    """Return what the annotations of a type say besides limits (``extra`` of `msgspec.Meta`)."""
    return {key: each for meta in _metas(kind) for key, each in (meta.extra or {}).items()}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return REQUIRED
    factory = field.default_factory
    default = field.default if factory is msgspec.NODEFAULT else factory()
    return msgspec.to_builtins(default, enc_hook=str)  # a path is text in the ledger


def _inner(hint: Any) -> tuple[type[BaseSettings] | None, bool]:
    """Return the class of a setting that is a mapping, and whether it may be null."""
    if get_origin(hint) is Annotated:
        return _inner(get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, BaseSettings):
        return hint, False
    members = [each for each in get_args(hint) if each is not type(None)]
    if types.is_union(hint) and len(members) == 1:
        return _inner(members[0])[0], True
    return None, False
