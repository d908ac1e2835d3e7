"""The pages of a long list: which items a page has, and what the next one comes after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asimov.server.faults import FaultError


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

    def of(self, names: Sequence[str]) -> tuple[list[int], str | None]:
        """Return the places of the items of this page, and what the next one comes after."""
        start = 0
        if self.after:
            try:
                start = names.index(self.after) + 1
            except ValueError:
                raise FaultError(
                    400, f"there is no {self.after!r} in the list now", "query: after"
                ) from None
        end = min(start + self.limit, len(names))
        return list(range(start, end)), names[end - 1] if end < len(names) else None
