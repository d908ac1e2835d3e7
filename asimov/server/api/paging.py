"""A part of a list, as a request asks for it.

What the next part comes after is the last item of this one, and marks of some items before it: so a
list goes on where it was although that item is not in it any more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asimov.server.faults import FaultError

#: How far before the last item those are whose marks a part has.
_BEFORE = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_AFTER = re.compile(r"([^;]*)(?:;((?:[0-9a-f]{8})*))?")

_T = TypeVar("_T")


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes
    ----------
    limit
        The most items.
    after
        The identity of the item that comes before the first, or what another part said that the
        next one comes after; empty for the beginning.
    """

    limit: int
    after: str = ""

    def of(
        self, items: Sequence[_T], named: Callable[[str], _T], whole: Sequence[_T] | None = None
    ) -> tuple[range, str | None]:
        """Return the places of the items of this page, and what the next one comes after.

        Parameters
        ----------
        items
            The whole list; an item's text is its identity.
        named
            Returns the item of an identity.
        whole
            What the list is chosen from, in the same order; by default the list.
        """
        whole = items if whole is None else whole
        start = self._start(items, named, whole) if self.after else 0
        end = min(start + self.limit, len(items))
        return range(start, end), _after(items[end - 1], whole) if end < len(items) else None

    def _start(self, items: Sequence[_T], named: Callable[[str], _T], whole: Sequence[_T]) -> int:
        found = _AFTER.fullmatch(self.after)
        identity, marks = found.groups() if found else (self.after, None)
        try:
            last = whole.index(named(identity))
        except ValueError:
            if marks is None:
                raise FaultError(
                    400, f"there is no {identity!r} in the list", "query: after",
                    "'next' of a page is what the next one comes after, also if the list changes",
                ) from None  # fmt: skip
            last = _last(marks, whole)
        if items is whole:
            return last + 1
        before = set(whole[: last + 1])
        return next((n for n, each in enumerate(items) if each not in before), len(items))


def _after(item: _T, whole: Sequence[_T]) -> str:
    place = whole.index(item)
    marks = (_mark(whole[place - back]) for back in _BEFORE if back <= place)
    return f"{item};{''.join(marks)}"


def _last(marks: str, whole: Sequence[_T]) -> int:
    """Return the place of the nearest item before that is still there; -1 if there is none."""
    places = {_mark(each): place for place, each in enumerate(whole)}
    known = (marks[start : start + 8] for start in range(0, len(marks), 8))
    return next((places[each] for each in known if each in places), -1)


def _mark(item: object) -> str:
    return hashlib.blake2b(str(item).encode(), digest_size=4).hexdigest()
