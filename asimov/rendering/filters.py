"""The filters that templates of a project may use, with limits on time and size.

A filter of a dialect is used as it is, after a check that its arguments are small. The few that
read attributes as Python does, or whose time is not limited by the size of their arguments, are
replaced or refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.sandbox import SandboxedFormatter

from asimov.rendering import bounds
from asimov.rendering.access import RefusedError
from asimov.rendering.bounds import ExceededError, check_size, check_width, measure, searched, step
from asimov.rendering.views import MISSING
from asimov.text import quoted

#: Jinja's and asimov's own; a dialect adds others. Left out are those that use the template's
#: regular expressions or take quadratic time, and those whose result differs from run to run.
ALLOWED = frozenset(
    """
    abs attr batch capitalize center count d default dictsort e escape filesizeformat first
    float forceescape format groupby indent int items join last length list lower map max min
    reject rejectattr replace reverse round safe select selectattr slice sort string sum title
    tojson trim truncate unique upper urlencode wordcount wordwrap to_yaml
    """.split()  # noqa: SIM905
)

#: The largest number that each filter accepts.
_WIDTHS = {
    "center": bounds.WIDTH,
    "batch": bounds.WIDTH,
    "slice": bounds.WIDTH,
    "tojson": 100,
    "round": 300,
}
#: Tests that look at the type of a value, not at its contents.
_INSTANT = frozenset(
    """
    boolean callable defined escaped false filter float integer iterable mapping none number
    sameas sequence string test true undefined
    """.split()  # noqa: SIM905
)
#: Tests that search, with the position of the value that they search in.
_SEARCHED = {"in": 1, "contains": 0}
#: Filters that go through a value item by item; of a text these are its characters.
_OF_ITEMS = frozenset(
    """
    batch dictsort groupby join list map max min reject rejectattr reverse select selectattr slice
    sort sum unique
    """.split()  # noqa: SIM905
)
#: The longest text for a filter whose time is unknown.
_SHORT = 1000
_PRINTF_STAR = re.compile(r"%[^%a-zA-Z]*\*")


@dataclass(frozen=True)
class Filters:
    """The filters that a dialect adds to Jinja's.

    Parameters
    ----------
    allowed
        Their names. What each makes is measured; its time must be bounded by the size of what it
        gets.
    of_items
        Those that go through a value item by item.
    replaced
        Functions that are used in place of the dialect's, or of Jinja's, by name.
    """

    allowed: frozenset[str] = frozenset()
    of_items: frozenset[str] = frozenset()
    replaced: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def contain(environment: Environment, added: Filters) -> None:
    """Replace the filters of an environment with those that a project's template may use.

    Parameters
    ----------
    environment
        A sandbox, see `asimov.rendering.sandbox`.
    added
        The filters of its dialect.
    """
    replaced = {"attr": _attribute, **added.replaced}
    allowed, of_items = ALLOWED | added.allowed, _OF_ITEMS | added.of_items
    for name, function in list(environment.filters.items()):
        own = replaced.get(name, function)
        environment.filters[name] = (
            _bounded(name, own, name in of_items) if name in allowed else _refused(name)
        )
    tests: dict[str, Any] = environment.tests
    for name, function in list(tests.items()):
        tests[name] = function if name in _INSTANT else _counted(name, function)


def operator(sign: str) -> Callable[..., Any]:
    """Return the filter that does what an operator does, within the sandbox's bounds."""

    @pass_environment
    def operate(environment: Any, left: Any, right: Any) -> Any:
        return environment.call_binop(None, sign, left, right)

    return operate


def _refused(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RefusedError(f"a project's template may not use the filter {name!r}")

    return refuse


def _bounded(name: str, function: Callable[..., Any], of_items: bool) -> Callable[..., Any]:
    """Return a filter that checks the size of its arguments and its result."""
    passed = int(hasattr(function, "jinja_pass_arg"))

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        given = arguments[passed:]
        for each in (*given, *named.values()):
            measure(each)
        if of_items and given and isinstance(given[0], (str, bytes, range)):
            step(len(given[0]))
        if name == "sum" and _sums_lists(given, named):
            step(len(given[0]) ** 2 // bounds.PIECE)
        check_growth(name, given, named)
        result = function(*arguments, **named)
        if isinstance(result, Iterator):
            result = list(islice(result, bounds.LARGEST + 1))
        return measure(result)

    return call


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a test that counts the values it reads."""
    passed = int(hasattr(function, "jinja_pass_arg"))

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        for number, each in enumerate((*arguments[passed:], *named.values())):
            (searched if number == _SEARCHED.get(name) else measure)(each)
        return function(*arguments, **named)

    return call


def check_growth(name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Refuse a call of a filter or text method whose result would be too large.

    Parameters
    ----------
    name
        The filter, or the method.
    arguments, named
        Its arguments; the value comes first.

    Raises
    ------
    ExceededError
        If it would be too large.
    """
    if not arguments:
        return
    value, *rest = arguments
    rest += named.values()
    text = value if isinstance(value, str) else ""
    longest = max([len(each) for each in rest if isinstance(each, str)], default=0)
    numbers = [each for each in rest if isinstance(each, int)]
    if name in _WIDTHS:
        for each in numbers:
            check_width(each, _WIDTHS[name])
    elif name in {"ljust", "rjust", "zfill"}:
        for each in numbers:
            check_width(each)
    elif name == "replace" and len(rest) > 1:
        check_size(len(str(value)) + str(value).count(str(rest[0])) * len(str(rest[1])))
    elif name == "join":
        _check_joined(value, rest)
    elif name == "indent":
        for each in numbers:
            check_width(each)
        check_size(len(text) + (len(text.splitlines()) + 2) * max([longest, *numbers, 4]))
    elif name == "wordwrap":
        check_size(len(text) * (1 + longest))
    elif name == "format":
        check_printf(text, named or arguments[1:])
    elif name in {"date", "strftime"} and (len(text) > _SHORT or longest > _SHORT):
        raise ExceededError(
            f"the template uses a time, or a time format, of over {_SHORT} characters"
        )


def _check_joined(value: Any, rest: list[Any]) -> None:
    # As a filter the items come first, as a method the separator does.
    method = isinstance(value, str) and rest and not isinstance(rest[0], str)
    items, separators = (rest[0], [value]) if method else (value, rest)
    longest = max([len(str(each)) for each in separators], default=0)
    check_size(longest * len(items) if hasattr(items, "__len__") else 0)


def _sums_lists(given: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Say whether ``sum`` adds lists, which copies all previous items each time."""
    starts = (*given[1:], *named.values())
    lists = any(isinstance(each, (list, tuple)) for each in starts)
    return lists and hasattr(given[0], "__len__")


def check_printf(text: str, values: Any) -> None:
    """Refuse a format of the kind ``%5.2f`` whose result would be too large.

    Raises
    ------
    ExceededError
        For such a format.
    """
    bounds.check_format(text)
    if _PRINTF_STAR.search(text):
        raise ExceededError(f"the format {quoted(text, 40)} takes its width from an argument")
    if isinstance(values, dict):
        longest = max([len(str(each)) for each in values.values()], default=0)
        check_size(text.count("%") * longest)


class Formatter(SandboxedFormatter):
    """Format text as ``str.format`` does, with the sandbox's attributes and limited widths."""

    size = 0

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one value."""
        bounds.check_format(format_spec)
        measure(value)
        text = super().format_field(value, format_spec)
        self.size += len(text)
        check_size(self.size)
        return text


@pass_environment
def _attribute(environment: Any, value: Any, name: Any) -> Any:
    found = environment.attribute_of(value, str(name))
    return environment.undefined(obj=value, name=name) if found is MISSING else found
