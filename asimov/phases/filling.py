"""Turn settings into constructor arguments of a phase (a pipeline's step), dataclasses included."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from asimov.text import did_you_mean, quoted

#: Stands for the default of a parameter that has none.
_NONE = inspect.Parameter.empty
#: What may stand for a value of each plain type.
_PLAIN: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    str: ((str,), "text"),
    Path: ((str,), "a path"),
}


class Slip(NamedTuple):
    """A fault of a setting: the keys that lead to it, and what is wrong."""

    path: tuple[str, ...]
    message: str


class Filled(NamedTuple):
    """Arguments of a constructor, and what is wrong with the settings."""

    arguments: dict[str, Any]
    slips: list[Slip]


def fill(make: Any, settings: Mapping[str, Any], located: Callable[[str], Path] = Path) -> Filled:
    """Return the arguments for a class, each of the type that its constructor declares.

    Parameters
    ----------
    make
        The class, or a function.
    settings
        The value of each parameter by its name; a mapping fills a dataclass.
    located
        Returns where a path of the settings lies.
    """
    slips: list[Slip] = []
    arguments = _arguments(make, settings, located, (), slips)
    return Filled(arguments, slips)


def _arguments(
    make: Any,
    settings: Mapping[str, Any],
    located: Callable[[str], Path],
    path: tuple[str, ...],
    slips: list[Slip],
) -> dict[str, Any]:
    parameters = _parameters(make)
    if parameters or not _takes_anything(make):
        for key in settings:
            if key not in parameters:
                near = did_you_mean(key, parameters)
                listed = ", ".join(parameters) or "none"
                slips.append(
                    Slip(
                        (*path, str(key)), f"there is no such parameter{near} (there are {listed})"
                    )
                )
    found: dict[str, Any] = {}
    for name, (kind, default) in parameters.items():
        if name in settings:
            found[name] = _value(settings[name], kind, located, (*path, name), slips)
        elif default is _NONE:
            slips.append(Slip((*path, name), f"is missing: it should be {_words(kind)}"))
    return found


def _parameters(make: Any) -> dict[str, tuple[Any, Any]]:
    """Return the type and the default of each parameter that can be given by name."""
    function = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]
    try:
        hints = get_type_hints(function)
    except Exception:  # an annotation that can't be evaluated: any value will do
        hints = {}
    try:
        given = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return {}
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        each.name: (hints.get(each.name, Any), each.default)
        for each in given
        if each.kind in by_name
    }


def _takes_anything(make: Any) -> bool:
    try:
        given = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in given)


def _value(
    value: Any,
    kind: Any,
    located: Callable[[str], Path],
    path: tuple[str, ...],
    slips: list[Slip],
) -> Any:
    """Convert a value to its type; if that fails, record a slip."""
    members = list(_members(kind))
    if value is None and type(None) in members:
        return None
    members = [each for each in members if each is not type(None)]
    inner = [each for each in members if dataclasses.is_dataclass(each)]
    if inner and isinstance(value, Mapping):
        return _made(inner[0], value, located, path, slips)
    for each in members:
        if each in _PLAIN:
            allowed, _ = _PLAIN[each]
            if isinstance(value, allowed) and (each is bool or not isinstance(value, bool)):
                return located(str(value)) if each is Path else each(value)
        elif not dataclasses.is_dataclass(each):
            return _items(value, each, located)  # a type that we don't know: as it is
    slips.append(Slip(path, f"should be {_words(kind)}, not {quoted(value, 60)}"))
    return None


def _made(
    kind: Any,
    value: Mapping[str, Any],
    located: Callable[[str], Path],
    path: tuple[str, ...],
    slips: list[Slip],
) -> Any:
    """Return a dataclass filled from a mapping."""
    before = len(slips)
    arguments = _arguments(kind, value, located, path, slips)
    if len(slips) == before:
        try:
            return kind(**arguments)
        except Exception as error:  # the class's own checks
            slips.append(Slip(path, f"is refused: {error}"))
    return None


def _items(value: Any, kind: Any, located: Callable[[str], Path]) -> Any:
    """Return a list of paths as paths, and tuples and sets as such; anything else as it is."""
    origin = get_origin(kind)
    if isinstance(value, list) and origin in (list, tuple, set, frozenset):
        if Path in get_args(kind):
            value = [located(each) if isinstance(each, str) else each for each in value]
        return origin(value)
    return value


def _members(kind: Any) -> Iterator[Any]:
    """Yield the types of a union, in either spelling; or the type."""
    if get_origin(kind) in (Union, types.UnionType):
        for each in get_args(kind):
            yield from _members(each)
    else:
        yield kind


def _words(kind: Any) -> str:
    words = []
    for each in _members(kind):
        if each is type(None):
            words.append("nothing")
        elif dataclasses.is_dataclass(each):
            words.append(f"a mapping for {each.__name__}")  # type: ignore[union-attr]
        else:
            words.append(_PLAIN[each][1] if each in _PLAIN else "given")
    return " or ".join(words)
