"""Compare data with a shape, and say in YAML's terms where it differs first."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from asimov.ledger.documents import Mistake
from asimov.text import nearest, quoted, short

#: What is wrong, and the path of keys to it.
Fault = tuple[str, list[str | int]]


def mismatch(data: Any, shape: type[msgspec.Struct], known: Collection[str] = ()) -> Fault | None:
    """Return how data differs from a shape; None if it does not.

    Parameters
    ----------
    data
        The data.
    shape
        A struct: its fields may be missing where they have a default, other keys are free.
    known
        The names that a key may have on purpose; others may stand for one that is missing.
    """
    try:
        msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        is_key = path.startswith("`key` in ")
        steps = _steps(path.removeprefix("`key` in ").strip("`$"))
        words = _in_words(message)
        named = _named(steps, data, message)
        if is_key:
            return _strange_key(data, steps[: _free(steps)])
        if message.startswith("Object missing required field"):
            for step in named:
                data = data[step]
            words += misspelt(message.split("`")[1], data, known)
        return words, named
    return None


def mistake(
    wrong: Fault,
    above: Sequence[str | int] = (),
    at: list[str | int] | None = None,
    hint: str | None = None,
) -> Mistake:
    """Return the error for a fault, with the keys that lead to it in words.

    Parameters
    ----------
    wrong
        The fault.
    above
        The keys that lead to what it is a fault of.
    at
        What to give as its place; by default, its own.
    hint
        What to do about it.
    """
    message, path = wrong[0], [*above, *wrong[1]]
    keys = [short(step) for step in path if isinstance(step, str)]
    return Mistake(": ".join([*keys, message]), path if at is None else at, hint)


def misspelt(key: str, data: Mapping[str, Any], known: Collection[str]) -> str:
    """Return ``, and ... looks like it`` if data has a key that resembles a missing one."""
    near = nearest(key, [each for each in data if each not in known], 0.7)
    return f", and {near!r} looks like it" if near else ""


def _free(steps: list[str | int]) -> int:
    """Return the step at which a free mapping begins, whose keys msgspec does not report."""
    return steps.index("...") if "..." in steps else len(steps)


def _strange_key(data: Any, path: list[str | int]) -> tuple[str, list[str | int]]:
    """Return the fault of the outermost key that is not text, and its path."""
    for step in path:
        data = data[step]
    todo = [(path, data)]
    for above, mapping in todo:
        items = mapping.items() if isinstance(mapping, dict) else enumerate(mapping)
        for key, value in items:
            if isinstance(mapping, dict) and not isinstance(key, str):
                return f"the key {quoted(key)} should be text", [*above, key]
            if isinstance(value, (dict, list)):
                todo.append(([*above, key], value))
    return "has a key that should be text", path


_WORDS = {bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object"}


def _named(steps: list[str | int], data: Any, message: str) -> list[str | int]:
    """Fill in the keys of free mappings, for which msgspec's paths have ``...``."""
    got = message.rpartition(", got ")[2].strip("`")
    for number, step in enumerate(steps):
        if step == "...":
            step = next(  # noqa: PLW2901
                (key for key, value in data.items() if _WORDS.get(type(value), "null") == got), step
            )
            steps[number] = step
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
    return [step for step in steps if step != "..."]


_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
}


def _in_words(message: str) -> str:
    """Translate a message of msgspec into the terms of YAML."""
    if message.startswith("Object missing required field"):
        return f"{message.split('`')[1]!r} is missing"
    if message.startswith("Expected"):
        expected, _, got = message[len("Expected ") :].partition(", got ")
        names = [
            _TYPES.get(part.strip("` "), part.strip("` "))
            for part in expected.strip("`").split(" | ")
        ]
        names = [name for name in names if name != "nothing"] or names
        is_now = _TYPES.get(got.strip("`"), got)
        return f"should be {' or '.join(names)}" + (f", not {is_now}" if got else "")
    return message


_STEP = re.compile(r"\[(\d+)\]|\[(\.\.\.)\]|([^.\[\]]+)")


def _steps(path: str) -> list[str | int]:
    """Split a path of msgspec, such as ``.needs[0]``, into its steps."""
    return [
        int(index) if index else free or key for index, free, key in _STEP.findall(path.strip("."))
    ]
