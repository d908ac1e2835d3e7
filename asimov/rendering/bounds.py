"""Limits for a project's templates: computing steps, sizes of values and length of output.

Everything is counted, nothing is timed: a template is refused at the same point on every machine.
The size of a value counts an element each time it occurs, so that a small list of lists of lists
can't print without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from asimov.text import quoted

#: The most accesses, calls, operations, elements and pieces of text in one rendering.
STEPS = 500_000
#: Characters of text, or numbers of a range, that cost one step each time they are read.
PIECE = 100
#: The largest size of one value, in elements and characters.
LARGEST = 1_000_000
#: The most characters of one rendered text, including text that was captured on the way.
OUTPUT = 10_000_000
#: The longest template, in bytes.
TEMPLATE = 256 * 1024
#: The most bits of a number; Python itself prints no integer with more than 4300 digits.
BITS = 14_000
#: What to say about a number with more.
TOO_MANY_DIGITS = f"the template uses a whole number of over {BITS * 3 // 10} digits"
#: The deepest nesting of lists and mappings.
DEPTH = 100
#: The largest number that sets a length, such as a column width or decimal places.
WIDTH = 10_000

_WIDTHS = re.compile(r"\d{5,}")


class ExceededError(Exception):
    """A template needs too much time or memory."""


class Budget:
    """The steps and output that one rendering has left."""

    def __init__(self) -> None:
        self.steps = STEPS
        self.output = OUTPUT


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def budget() -> Iterator[None]:
    """Let the renderings within the block share one budget."""
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
        If none are left.
    """
    left = _budget.get()
    if left is not None:
        left.steps -= count
        if left.steps < 0:
            raise ExceededError(f"it takes more than {STEPS} steps")


def printed(text: str) -> str:
    """Count printed text, and return it.

    Raises
    ------
    ExceededError
        If it is too much.
    """
    left = _budget.get()
    if left is not None:
        left.output -= len(text)
        if left.output < 0:
            raise ExceededError(f"it prints more than {OUTPUT} characters")
    return text


def check_size(size: int) -> None:
    """Refuse a size that is too large.

    Raises
    ------
    ExceededError
        If it is too large.
    """
    if size > LARGEST:
        raise ExceededError(f"the template uses a value of over {LARGEST} characters or elements")


def check_width(number: Any, most: int = WIDTH) -> None:
    """Refuse a number for a width or a count that is too large.

    Raises
    ------
    ExceededError
        If it is too large.
    """
    if isinstance(number, int) and abs(number) > most:
        raise ExceededError(f"{number if abs(number) < 10**12 else 'a number'} is more than {most}")


def check_format(text: str) -> None:
    """Refuse a format with a large width or precision.

    Raises
    ------
    ExceededError
        For such a format.
    """
    if _WIDTHS.search(text):
        raise ExceededError(f"the format {quoted(text, 40)} has a width of more than 9999")


def measure(value: Any) -> Any:
    """Return a value after checking its size, which costs steps.

    It is called for the operands of every operation, and for its result.

    Raises
    ------
    ExceededError
        If it is too large.
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
                    raise ExceededError(TOO_MANY_DIGITS)
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
    raise ExceededError(f"lists or mappings are nested more than {DEPTH} levels deep")


def searched(value: Any) -> Any:
    """Return a value that is searched, after checking its size unless it is a mapping or set.

    Raises
    ------
    ExceededError
        If it is too large.
    """
    return value if isinstance(value, (dict, set, frozenset)) else measure(value)


def contents(value: Any) -> list[Any] | None:
    """Return the elements of a container of plain data; None if the value is not a container."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)) or type(value) in VIEWS:
        return [*value]
    return None


#: The types that ``keys``, ``values`` and ``items`` of a mapping return.
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
