"""A part of a list, as a request asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asimov.server.faults import FaultError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes
    ----------
    limit
        The most items.
    after
        The identity of the item that comes before the first; empty for the beginning.
    """

    limit: int
    after: str = ""

    def of(self, items: Sequence[_T], named: Callable[[str], _T]) -> tuple[range, str | None]:
        """Return the places of the items of this page, and what the next one comes after.

        Parameters
        ----------
        items
            The whole list; an item's text is its identity.
        named
            Returns the item of an identity.
        """
        start = 0
        if self.after:
            try:
                start = items.index(named(self.after)) + 1
            except ValueError:
                raise FaultError(
                    400, f"there is no {self.after!r} in the list any more", "query: after",
                    "the list has changed: begin again, without 'after'",
                ) from None  # fmt: skip
        end = min(start + self.limit, len(items))
        return range(start, end), str(items[end - 1]) if end < len(items) else None
