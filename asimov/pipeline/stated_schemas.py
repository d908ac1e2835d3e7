"""Schemas as a ledger states them, and the checks that packages publish for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.discovery import extensions
from asimov.ledger.spelling.slips import slip
from asimov.pipeline.assets import Asset
from asimov.pipeline.schemas import Check, Schema
from asimov.settings import Fault
from asimov.text import did_you_mean, quoted

_KEYS = ("extension", "media type", "data", "check")
#: The types whose values are checked.
_TYPES = frozenset({"int", "float", "number", "bool", "str"})
_OF_INPUT = ("asset", "of", "schema")


def schema_of(stated: Any) -> Schema | None:
    """Return the schema that a ledger states; None if it states none, or none that can be read."""
    if not isinstance(stated, Mapping):
        return None
    data, check = stated.get("data"), stated.get("check")
    return Schema(
        _text(stated.get("extension")),
        _text(stated.get("media type")),
        data if isinstance(data, Mapping) else None,
        None if check is None else check_named(str(check)),
    )


def check_named(name: str) -> Check:
    """Return the check that a package publishes under a name; it is loaded when it is used."""

    def check(path: Path) -> Any:
        for point in extensions.points(extensions.CHECKS):
            if point.name == name:
                return extensions.load(point)(path)
        return [f"the check {quoted(name)} is not installed"]

    return check


def path_of(output: Any) -> Any:
    """Return the file or pattern of an output: the text itself, or its ``path``."""
    return output.get("path") if isinstance(output, Mapping) else output


def outputs_in(settings: Mapping[str, Any]) -> tuple[Asset, ...]:
    """Return the assets that the setting ``outputs`` declares; none where it is faulty."""
    stated = settings.get("outputs")
    if not isinstance(stated, Mapping):
        return ()
    return tuple(
        Asset(
            str(name), schema=schema_of(each.get("schema")) if isinstance(each, Mapping) else None
        )
        for name, each in stated.items()
    )


def inputs_in(settings: Mapping[str, Any]) -> tuple[Asset, ...]:
    """Return the assets that the setting ``inputs`` declares; none where it is faulty."""
    stated = settings.get("inputs")
    items = stated if isinstance(stated, list) else [stated]
    return tuple(
        Asset(
            str(each["asset"]),
            schema=schema_of(each.get("schema")),
            of=None if each.get("of") is None else str(each["of"]),
            every=True,
        )
        for each in items
        if isinstance(each, Mapping) and "asset" in each
    )


def output_faults(output: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    """Yield the faults of an output that is a mapping of ``path`` and ``schema``."""
    for key in output:
        if key not in {"path", "schema"}:
            yield _unknown(key, ("path", "schema"), path)
    if "path" not in output:
        yield Fault(path, "should have a 'path'", final=True)
    yield from schema_faults(output.get("schema"), (*path, "schema"))


def input_faults(stated: Any) -> Iterator[Fault]:
    """Yield the faults of the setting ``inputs`` of a pipeline whose inputs are only assets."""
    if stated is None:
        return
    if not isinstance(stated, list):
        yield Fault(("inputs",), "should be a list of assets", "[{asset: NAME}]", final=True)
        return
    for number, each in enumerate(stated):
        path = ("inputs", f"[{number}]")
        if not isinstance(each, Mapping) or not isinstance(each.get("asset"), str):
            why = f"should be a mapping with 'asset: NAME', not {quoted(each)}"
            yield Fault(path, why, final=True)
            continue
        for key in each:
            if key not in _OF_INPUT:
                yield _unknown(key, _OF_INPUT, path)
        yield from schema_faults(each.get("schema"), (*path, "schema"))


def schema_faults(stated: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    """Yield the faults of a schema in a ledger.

    Parameters
    ----------
    stated
        The schema; None if there is none.
    path
        The keys that lead to it.
    """
    if stated is None:
        return
    if not isinstance(stated, Mapping):
        yield Fault(path, f"should be a mapping, not {quoted(stated)}", final=True)
        return
    for key in stated:
        if key not in _KEYS:
            yield _unknown(key, _KEYS, path)
    for key in ("extension", "media type", "check"):
        if not isinstance(stated.get(key, ""), str):
            yield Fault((*path, key), f"should be text, not {quoted(stated[key])}", final=True)
    if "data" in stated:
        yield from _data_faults(stated["data"], (*path, "data"))
    names = sorted({point.name for point in extensions.points(extensions.CHECKS)})
    check = stated.get("check")
    if isinstance(check, str) and check not in names:
        why = f"no installed package has the check {quoted(check)}{did_you_mean(check, names)}"
        yield Fault((*path, "check"), why, f"the checks are {', '.join(names) or 'none'}")


def _data_faults(data: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(data, Mapping):
        yield Fault(path, f"should be a mapping of names to types, not {quoted(data)}", final=True)
        return
    for name, kind in data.items():
        if isinstance(kind, Mapping):
            yield from _data_faults(kind, (*path, str(name)))
        elif not isinstance(kind, str):
            why = f"should be a type, such as 'float', not {quoted(kind)}"
            yield Fault((*path, str(name)), why, final=True)
        elif near := slip(kind, _TYPES):
            why = f"the type {quoted(kind)} is not checked; did you mean {near!r}?"
            yield Fault((*path, str(name)), why, likely=True)


def _unknown(key: Any, known: tuple[str, ...], path: tuple[str, ...]) -> Fault:
    why = f"there is no such key{did_you_mean(key, known)}"
    return Fault((*path, str(key)), why, f"the keys are {', '.join(known)}", final=True)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
