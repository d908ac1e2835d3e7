"""How much is tried: longer searches for faults, and further cases.

``ASIMOV_SEARCH=10`` makes every search ten times as long, as `make test-long` does. The marker
``long`` is for further cases of a behaviour that `make test` has a case of: `make test-more`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

#: A factor of the size of every search.
LONGER = float(os.environ.get("ASIMOV_SEARCH", "1"))


def in_turn(place: int, cases: Iterable[Any]) -> list[Any]:
    """Return the cases for a place of a search: one in turn, or all in a longer search."""
    every = list(cases)
    return every if LONGER > 1 else [every[place % len(every)]]


def sizes(part: float = 0.4) -> list[Any]:
    """Return for `pytest.mark.parametrize` how much of a search is made: a part, or ``long`` all.

    A longer search, of `make test-long`, is made in its own size only.
    """
    return first(1, [part, 1.0]) if LONGER == 1 else [LONGER]


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """Return cases for `pytest.mark.parametrize`, those after the first `count` marked ``long``."""
    rest = pytest.mark.long
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=rest if place >= count else ()
        )
        for place, case in enumerate(cases)
    ]
