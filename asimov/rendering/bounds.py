"""How much a template of a project may compute: steps, sizes of values, length of its output.

Everything is counted, nothing is timed: a template is refused on a slow machine exactly where it
is on a fast one. A value's size counts what it contains as often as it is contained, so that a
small list of lists of lists can't print without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from asimov.text import quoted

#: Accesses, calls, operations, elements and pieces of text that were looked at.
STEPS = 500_000
#: So much text, or so many numbers of a range, cost a step each time something looks at them.
PIECE = 100
#: The size of one value: its elements and characters.
LARGEST = 1_000_000
#: Characters of one rendered text, with what was captured on the way.
OUTPUT = 10_000_000
#: The longest template, in bytes.
TEMPLATE = 256 * 1024
#: Bits of a number; Python itself prints no integer with more than 4300 digits.
BITS = 14_000
#: How deep lists and mappings may lie in each other.
DEPTH = 100
#: The longest thing that a number may ask for: a column width, the places of a rounding.
WIDTH = 10_000

_WIDTHS = re.compile(r"\d{5,}")


class ExceededError(Exception):
    """A template would take too much time or memory."""


class Budget:
    """What is left to one rendering."""

    def __init__(self) -> None:
        self.steps = STEPS
        self.output = OUTPUT


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def budget() -> Iterator[None]:
    """Give the renderings in the block one budget."""
    before = _budget.set(Budget())
    try:
        yield
    finally:
        _budget.reset(before)


def step(count: int = 1) -> None:
    """Count steps.

    Raises
    ------
    ExceededError
        Where there are none left.
    """
    left = _budget.get()
    if left is not None:
        left.steps -= count
        if left.steps < 0:
            raise ExceededError(f"it takes more than {STEPS} steps")


def printed(text: str) -> str:
    """Count what is printed, and return it.

    Raises
    ------
    ExceededError
        Where it is too much.
    """
    left = _budget.get()
    if left is not None:
        left.output -= len(text)
        if left.output < 0:
            raise ExceededError(f"it prints more than {OUTPUT} characters")
    return text


def check_size(size: int) -> None:
    """Refuse a size.

    Raises
    ------
    ExceededError
        Where it is too large.
    """
    if size > LARGEST:
        raise ExceededError(f"a value has more than {LARGEST} characters or elements")


def check_width(number: Any, most: int = WIDTH) -> None:
    """Refuse a number that asks for a width or a count.

    Raises
    ------
    ExceededError
        Where it is too large.
    """
    if isinstance(number, int) and abs(number) > most:
        raise ExceededError(f"{number if abs(number) < 10**12 else 'a number'} is more than {most}")


def check_format(text: str) -> None:
    """Refuse a format with a large width or precision, or one that takes these from elsewhere.

    Raises
    ------
    ExceededError
        For such a format.
    """
    if _WIDTHS.search(text):
        raise ExceededError(f"the format {quoted(text, 40)} has a width of more than 9999")


def measure(value: Any) -> Any:
    """Return a value that is not too large; looking at it costs steps.

    It is asked of whatever an operation reads, and of what that returns.

    Raises
    ------
    ExceededError
        Where it is too large.
    """
    kind = type(value)
    if kind is str:
        check_size(len(value))
        step(len(value) // PIECE)
        return value
    if value is None or kind in (bool, float):
        return value
    size = count = 0
    level: Iterable[Any] = (value,)
    for _ in range(DEPTH):
        below: list[Any] = []
        for each in level:
            count += 1
            if isinstance(each, (str, bytes)):
                size += len(each)
            elif isinstance(each, int):
                if each.bit_length() > BITS:
                    raise ExceededError(f"a number has more than {BITS} bits")
            elif isinstance(each, range):
                size += len(each)
            elif (inside := contents(each)) is not None:
                below.extend(inside)
                check_size(len(below))
            check_size(size + count)
        if not below:
            step(count + size // PIECE)
            return value
        level = below
    raise ExceededError(f"lists or mappings lie in each other more than {DEPTH} times")


def searched(value: Any) -> Any:
    """Return a value in which something is looked for; mappings and sets need no reading.

    Raises
    ------
    ExceededError
        Where it is too large.
    """
    return value if isinstance(value, (dict, set, frozenset)) else measure(value)


def contents(value: Any) -> list[Any] | None:
    """Return what a container of plain data holds; None for what is none."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)) or type(value) in VIEWS:
        return [*value]
    return None


#: What ``keys``, ``values`` and ``items`` of a mapping return.
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
