"""Slips of the finger, which can hardly be meant as anything but another name, and near misses."""

from __future__ import annotations

import re
from functools import lru_cache

from asimov.text import nearest

#: From how many characters on one other character, or two, are rarely there by chance.
_LONG, _VERY_LONG = 6, 10
_SHORTEST = 4
_DIGITS = re.compile(r"\d+")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


@lru_cache(maxsize=10_000)  # thousands of analyses have the same few settings
def slip(name: str, known: frozenset[str]) -> str | None:
    """Return the known name that another one surely misspells; None for a known name.

    Names that a person may well have chosen are left alone: those that differ in a number, in
    their first letter, or in a letter of a short name.

    Examples
    --------
    >>> slip("request memry", frozenset({"request_memory"}))
    'request_memory'
    >>> slip("frist", frozenset({"first"})), slip("stats", frozenset({"status"}))
    ('first', None)
    >>> slip("imag", frozenset({"image"}))
    'image'
    >>> slip("seeed", frozenset({"seed"}))
    'seed'
    """
    if name in known:
        return None
    return next((each for each in sorted(known) if _is_slip(name, each)), None)


@lru_cache(maxsize=10_000)  # thousands of analyses have the same few settings
def near_miss(name: str, known: frozenset[str]) -> str | None:
    """Return the known name that an unknown one resembles; None if it is known or unlike all."""
    if name in known:
        return None
    return nearest(name, known, 0.8)


def _is_slip(name: str, right: str) -> bool:
    if abs(len(name) - len(right)) > 2 or _DIGITS.findall(name) != _DIGITS.findall(right):
        return False
    name, right = (_BETWEEN_WORDS.sub(" ", each.strip().lower()) for each in (name, right))
    if right in {name, f"{name}s"} or name == f"{right}s":
        return True
    shorter = min(len(name), len(right))
    if shorter < _SHORTEST or name[0] != right[0]:
        return False
    if _single(name) == _single(right) or _swapped(name, right) or right[:-1] == name:
        return True
    allowed = 2 if shorter >= _VERY_LONG else 1 if shorter >= _LONG else 0
    return bool(allowed) and _distance(name, right) <= allowed


def _single(name: str) -> str:
    """Return a name without repetitions of a letter."""
    return re.sub(r"(.)\1+", r"\1", name)


def _swapped(name: str, right: str) -> bool:
    """Return whether two neighbours of a name are swapped."""
    if len(name) != len(right):
        return False
    other = [i for i, (a, b) in enumerate(zip(name, right, strict=True)) if a != b]
    return (
        len(other) == 2
        and other[1] == other[0] + 1
        and name[other[0]] == right[other[1]]
        and name[other[1]] == right[other[0]]
    )


def _distance(one: str, other: str) -> int:
    """Return how many letters to insert, remove, replace, or swap with a neighbour."""
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, before, row = row, above, [i]
        for j, b in enumerate(other, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                best = min(best, before[j - 2] + 1)
            row.append(best)
    return row[-1]
