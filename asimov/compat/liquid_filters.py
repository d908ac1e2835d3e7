"""Filters of Liquid that templates of a project may use, within the sandbox's bounds."""

from __future__ import annotations

from typing import Any

from jinja2 import pass_environment

from asimov.rendering.bounds import step
from asimov.rendering.filters import Filters, operator
from asimov.rendering.views import MISSING

# These read attributes in Python's way, and `uniq` takes quadratic time, in liquidpy.


@pass_environment
def _read(environment: Any, value: Any, name: Any) -> Any:
    found = environment.item_of(value, name)
    if found is MISSING:
        found = environment.attribute_of(value, str(name))
    return None if found is MISSING else found


@pass_environment
def _map(environment: Any, values: Any, name: Any) -> Any:
    return [_read(environment, each, name) for each in values]


@pass_environment
def _where(environment: Any, values: Any, name: Any, value: Any) -> Any:
    found = [each for each in values if _read(environment, each, name) == value]
    return found or environment.filters["compact"](found)


def _uniq(values: Any) -> Any:
    kept: list[Any] = []
    for each in values or ():
        step(1 + len(kept) // 100)
        if each not in kept:
            kept.append(each)
    return kept or ""


FILTERS = Filters(
    allowed=frozenset(
        """
        append at_least at_most bool ceil compact concat date divided_by downcase escape_once floor
        liquid_map lstrip minus modulo newline_to_br plus prepend remove remove_first replace_first
        rstrip size sort_natural split str strip strip_newlines times truncatewords uniq upcase
        url_decode url_encode where
        """.split()  # noqa: SIM905
    ),
    of_items=frozenset({"compact", "concat", "liquid_map", "sort_natural", "uniq", "where"}),
    replaced={
        "attr": _read,
        "liquid_map": _map,
        "map": _map,
        "uniq": _uniq,
        "where": _where,
        "plus": operator("+"),
        "minus": operator("-"),
        "times": operator("*"),
        "modulo": operator("%"),
    },
)
