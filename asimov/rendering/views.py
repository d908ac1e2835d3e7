"""Read-only views of objects, for templates of a project.

A view shows the attributes that its object's class lists in ``for_templates`` (see
`asimov.rendering.access`), and plain data in the object's own attributes. It prints like the
object. Everything else is closed: a template can't reach a method that acts, or a module.

A template can't reach the object behind the view: `asimov.rendering.sandbox` reads views for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser, SectionProxy
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from functools import cache
from numbers import Number
from pathlib import PurePath
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2 import utils as jinja
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference

from asimov.rendering.access import RefusedError, reads
from asimov.rendering.bounds import VIEWS, contents, step

#: The value of a name that doesn't exist in an object or mapping.
MISSING = object()

#: Types of plain data that are not containers.
SCALARS = (str, bytes, Number, type(None), date, time, timedelta, PurePath, range)

_CONTAINER = ("__iter__", "__len__", "__contains__", "__getitem__")
_MAPPING = reads("get", "keys", "values", "items", *_CONTAINER)
_OPTIONS = reads("getint", "getfloat", "getboolean")
#: Classes of the standard library that templates see.
_OTHERS: dict[type, dict[str, str]] = {
    ConfigParser: {
        **_OPTIONS,
        **reads("sections", "options", "has_section", "has_option"),
    },
    SectionProxy: {**_OPTIONS, **reads("name")},
}


class Function:
    """A function that a template may call.

    Parameters
    ----------
    function
        The function.
    """

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function."""
        return self._function(*arguments, **named)

    def __repr__(self) -> str:
        return "a function"  # without an address, which would differ in every run


class View:
    """A read-only view of an object.

    Parameters
    ----------
    of
        The object.
    """

    __slots__ = ("_of", "_read")

    def __init__(self, of: Any) -> None:
        self._of = of
        self._read: dict[str, Any] = {}

    def read(self, name: str) -> Any:
        """Return an attribute; `MISSING` if the object has none of that name.

        Raises
        ------
        RefusedError
            If it has one that is closed.
        """
        if name not in self._read:
            self._read[name] = self._look(name)
        return self._read[name]

    def _look(self, name: str) -> Any:
        instead = self._table.get(name)
        if instead is not None:
            value = getattr(self._of, instead, MISSING)
            if value is MISSING:
                return MISSING
            if inspect.isroutine(value):
                return Function(lambda *given, **named: viewed(value(*given, **named)))
            return viewed(value)
        held = inspect.getattr_static(self._of, name, MISSING)
        if held is MISSING:
            return MISSING
        if not name.startswith("_") and _is_data(held):
            return viewed(held)
        raise RefusedError(f"a project's template may not read {name!r} of {self.what}")

    def item(self, key: Any) -> Any:
        """Return the object's item of a key; `MISSING` if it has none."""
        if "__getitem__" not in self._table:
            return MISSING
        try:
            return viewed(self._of[key])
        except (TypeError, LookupError, AttributeError):
            return MISSING

    @property
    def _table(self) -> Mapping[str, str]:
        kind: Any = type(self._of)
        return _table(kind)

    @property
    def what(self) -> str:
        """The object as messages show it."""
        return f"{self._of!r}"

    @property
    def kind(self) -> str:
        """The class of the object, as Jinja shows it."""
        cls = type(self._of)
        return f"{cls.__module__}.{cls.__qualname__} object"

    def __str__(self) -> str:
        return str(self._of)

    def __repr__(self) -> str:
        return repr(self._of)

    def __format__(self, spec: str) -> str:
        return format(str(self._of), spec)

    def __eq__(self, other: object) -> bool:
        return bool(self._of == (other._of if isinstance(other, View) else other))

    def __hash__(self) -> int:
        return hash(self._of)

    def __bool__(self) -> bool:
        return bool(self._of)

    def __iter__(self) -> Iterator[Any]:
        self._needs("__iter__", "looped over")
        return iter([viewed(each) for each in self._of])

    def __len__(self) -> int:
        self._needs("__len__", "counted")
        return len(self._of)

    def __contains__(self, item: object) -> bool:
        self._needs("__contains__", "looked into")
        return item in self._of

    def _needs(self, name: str, done: str) -> None:
        if name not in self._table:
            raise TypeError(f"{self.what} can't be {done}")


@cache
def _table(kind: Any) -> Mapping[str, str]:
    """Return the names that may be read of a class's objects, each with the attribute to read."""
    table: dict[str, str] = dict(_MAPPING) if issubclass(kind, Mapping) else {}
    if is_dataclass(kind):
        table.update(reads(*(each.name for each in fields(kind) if each.name[0] != "_")))
    for each in reversed(kind.__mro__):
        declared = vars(each).get("for_templates", _OTHERS.get(each))
        if isinstance(declared, Mapping):
            table.update(declared)
    return table


def _is_data(value: Any) -> bool:
    if isinstance(value, SCALARS):
        return True
    inside = contents(value)
    return inside is not None and all(_is_data(each) for each in inside)


def viewed(value: Any) -> Any:  # noqa: PLR0911  (a table of types)
    """Return a value for templates of a project: plain data is copied, objects become views."""
    kind = type(value)
    if kind is str or isinstance(value, (View, Function, *SCALARS)):
        return value
    step()
    if kind is dict:
        return {viewed(key): viewed(each) for key, each in value.items()}
    if kind in (list, set, frozenset):
        return kind(viewed(each) for each in value)
    if kind in VIEWS:  # of a mapping class of its own
        return [viewed(each) for each in value]
    if isinstance(value, tuple):
        inside = [viewed(each) for each in value]
        # What `groupby` makes keeps its names; other named tuples have methods of their own.
        return kind(*inside) if kind.__module__ == "jinja2.filters" else tuple(inside)
    if kind in OF_JINJA:
        return value
    return View(value)


class Namespace(jinja.Namespace):
    """A namespace that a template makes; it may contain anything, and never prints it."""

    def __repr__(self) -> str:
        return "<namespace>"


#: Types of values that templates make, with the attributes that may be read.
OF_JINJA: dict[type, frozenset[str]] = {
    LoopContext: frozenset(
        """
        index index0 revindex revindex0 rindex rindex0 first last length depth depth0 previtem
        nextitem cycle changed
        """.split()  # noqa: SIM905
    ),
    BlockReference: frozenset({"super"}),
    Macro: frozenset({"name"}),
    TemplateReference: frozenset(),
    Undefined: frozenset(),
    StrictUndefined: frozenset(),
    TemplateModule: frozenset(),
    Namespace: frozenset(),
}
