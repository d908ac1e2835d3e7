"""How far a long piece of work is, for whoever listens; by default nobody does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

Item = TypeVar("Item")
#: Takes what is done and to how many items; the context gives a function to call after each.
Listener = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


class _Report:
    """Who listens in this process, and whether work is being reported."""

    listener: Listener | None = None
    busy = False


def listen(listener: Listener | None) -> None:
    """Have all long work of this process reported to a listener, or to nobody."""
    _Report.listener = listener


def over(items: Collection[Item], what: str) -> Iterator[Item]:
    """Yield items, and report each one once it is dealt with.

    Work within other work that is reported is not reported itself.

    Parameters
    ----------
    items
        The items.
    what
        What is done to them, such as ``building``.
    """
    if _Report.listener is None or _Report.busy:
        yield from items
        return
    _Report.busy = True
    try:
        with _Report.listener(what, len(items)) as done:
            for item in items:
                yield item
                done()
    finally:
        _Report.busy = False
