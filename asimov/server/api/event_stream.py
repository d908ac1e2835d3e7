"""Events as a stream that can be resumed (server-sent events, from the HTML standard).

Nothing is kept for a client but the number of the last event that it was sent, so a slow one costs
nothing and one that comes back gets what it missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from asimov.journal.snapshot import stamp
from asimov.server.faults import FaultError
from asimov.server.processes.backend import Backend
from asimov.system.json_text import as_json

#: The seconds between two looks at whether the journal has changed.
_LOOK = 0.2
#: The seconds of silence after which a comment shows that the stream is alive.
_SILENCE = 15.0
#: How many events are kept for all streams, and how many are read at once.
_KEPT = 1000
_AT_ONCE = 500

_Numbered = tuple[int, dict[str, Any]]


class Feed:
    """The newest events of the journal, for all streams: it is read once however many there are.

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
        self._recent: deque[_Numbered] = deque(maxlen=_KEPT)
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
        found, newest = await self._backend.ask("events", self.newest, _AT_ONCE)
        while found:
            self._recent.extend(found)
            self.newest = found[-1][0]
            if len(self._recent) == _KEPT:
                self._first = self._recent[0][0] - 1
            found, newest = await self._backend.ask("events", self.newest, _AT_ONCE)
        if newest < self.newest:  # the journal was replaced
            self._recent.clear()
            self.newest = self._first = newest
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _wait(self, seconds: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def after(self, number: int) -> list[_Numbered]:
        """Return the events after one; wait for them, but not longer than a silence may be."""
        if number == self.newest:
            await self._wait(_SILENCE)
        if number == self.newest:
            return []
        if number >= self._first:
            return [each for each in self._recent if each[0] > number]
        found, _ = await self._backend.ask("events", number, _AT_ONCE)
        return found  # type: ignore[no-any-return]

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


async def stream(
    feed: Feed, after: int | None, subject: str | None, name: str | None
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
            except FaultError:
                return  # the client comes back
            for number, event in found:
                last = number
                if subject in {None, event["subject"]} and name in {None, event["name"]}:
                    data = " ".join(as_json({"id": number, **event}).split("\n"))
                    yield f"id: {number}\ndata: {data}\n\n"
            if not found:
                yield f": alive\nid: {last}\n\n"
    finally:
        feed.streams -= 1
