"""Events as a stream that can be resumed (server-sent events, from the HTML standard).

Nothing is kept for a client but the number of the last event that it was sent, so a slow one costs
nothing and one that comes back gets what it missed.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from asimov.journal.snapshot import stamp
from asimov.server.faults import FaultError
from asimov.server.processes.backend import Backend
from asimov.system.json_text import plain_json

#: The seconds between two looks at whether the journal has changed.
_LOOK = 0.2
#: The seconds of silence after which a comment shows that the stream is alive.
_SILENCE = 15.0
#: How many events are kept for all streams, and how many are read at once.
_KEPT = 1000
_AT_ONCE = 500


class _Sent(NamedTuple):
    """An event as all streams send it."""

    number: int
    subject: str
    name: str
    text: str


class Feed:
    """The newest events of the journal, for all streams: each is read and written as text once.

    Parameters
    ----------
    backend
        Who reads it.
    journal
        The journal's file.
    """

    def __init__(self, backend: Backend, journal: Path) -> None:
        self._backend = backend
        self._journal = journal
        self._recent: list[_Sent] = []
        self.newest = -1
        self._first = -1
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.ended = False
        self.streams = 0

    async def start(self) -> int:
        """Begin to look, if that was not begun; return the number of the newest event."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        while self.newest < 0 and not self.ended:
            await self._wait(_LOOK)
        return self.newest

    async def _look(self) -> None:
        seen: object = None
        while not self.ended:
            now = stamp(self._journal)
            if now != seen:
                with suppress(FaultError):  # it is asked again
                    await self._read()
                    seen = now
            await asyncio.sleep(_LOOK)

    async def _read(self) -> None:
        if self.newest < 0:
            _, self.newest = await self._backend.ask("events", None, 1)
            self._first = self.newest
        found, newest = await self._ask(self.newest)
        while found:
            self._recent = [*self._recent, *found][-_KEPT:]
            self.newest = found[-1].number
            if len(self._recent) == _KEPT:
                self._first = self._recent[0].number - 1
            # The oldest come first: if the newest is there, nothing is missing.
            found, newest = await self._ask(self.newest) if newest > self.newest else ([], newest)
        if newest < self.newest:  # the journal was replaced
            self._recent = []
            self.newest = self._first = newest
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _ask(self, number: int) -> tuple[list[_Sent], int]:
        """Return events after one, and the number of the newest."""
        found, newest = await self._backend.ask("events", number, _AT_ONCE)
        return [_sent(*each) for each in found], newest

    async def _wait(self, seconds: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def after(self, number: int) -> Sequence[_Sent]:
        """Return the events after one; wait for them, but not longer than a silence may be."""
        if number == self.newest:
            await self._wait(_SILENCE)
        if number == self.newest:
            return []
        if number >= self._first:
            return self._recent[bisect_right(self._recent, number, key=_number) :]
        return (await self._ask(number))[0]

    def end_streams(self) -> None:
        """End every stream: the clients come back to the next service."""
        self.ended = True
        self._news.set()

    async def end(self) -> None:
        """End every stream, and look no more."""
        self.end_streams()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking


def _number(sent: _Sent) -> int:
    return sent.number


def _sent(number: int, event: dict[str, Any]) -> _Sent:
    data = plain_json({"id": number, **event})
    return _Sent(number, event["subject"], event["name"], f"id: {number}\ndata: {data}\n\n")


async def stream(
    feed: Feed,
    after: int | None,
    subject: str | None,
    name: str | None,
    may_go_on: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    """Yield the text of a stream: the events after one, and then those that happen.

    Parameters
    ----------
    feed
        The events.
    after
        The number of the last event that the client has; None for those to come. If the journal
        has no event of that number yet, it was replaced, and all its events follow.
    subject, name
        The only subject, and the only analysis.
    may_go_on
        Returns whether the client may still have events.
    """
    newest = await feed.start()
    last = newest if after is None else (after if after <= newest else 0)
    feed.streams += 1
    try:
        yield f"retry: 2000\nid: {last}\n\n"
        while not feed.ended:
            if last > feed.newest:
                last = 0
            try:
                found = await feed.after(last)
                if not await may_go_on():
                    return
            except FaultError:
                return  # the client comes back
            texts = [
                each.text
                for each in found
                if subject in {None, each.subject} and name in {None, each.name}
            ]
            if found:
                last = found[-1].number
            if texts:
                yield "".join(texts)
            if not found:
                yield f": alive\nid: {last}\n\n"
    finally:
        feed.streams -= 1
