"""Events as a stream that can be resumed (server-sent events, from the HTML standard).

Nothing is kept for a client but the place of the last event that it was sent, so a slow one costs
nothing and one that comes back gets what it missed. A place is the event's number and its time:
where a journal was put back to an earlier state, other events have the numbers that clients know.
They are sent the event ``reset`` then.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
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
    place: str
    subject: str
    name: str
    text: str


class Place(NamedTuple):
    """Where a stream continues: after the event of a number; `text` is empty if that is all.

    `text` is what the stream has sent as the event's ``id``.
    """

    number: int
    text: str = ""


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
        #: The newest event, and how often the journal was replaced.
        self.newest = Place(-1)
        self.replaced = 0
        self._first = -1
        self._reading = asyncio.Lock()
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.ended = False
        self.streams = 0

    async def start(self) -> None:
        """Begin to look, if that was not begun."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        while self.newest.number < 0 and not self.ended:
            await self._wait(_LOOK)

    async def knows(self, place: Place) -> bool:
        """Return whether the journal has the event of a place."""
        if place.number > self.newest.number:
            await self._read()  # it may have been written since the last look
        if not place.text or place.number == 0:
            return place.number <= self.newest.number
        if place.number >= self.newest.number:
            return place == self.newest
        for each in self._recent[bisect_left(self._recent, place.number, key=_number) :][:1]:
            if each.number == place.number:
                return each.place == place.text
        found, _ = await self._ask(place.number - 1, 1)
        return [each.place for each in found] == [place.text]

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
        async with self._reading:
            if self.newest.number < 0:
                await self._begin()
            # From the newest one that is known: it shows that it is the same journal.
            found, newest = await self._ask(max(self.newest.number - 1, 0), _AT_ONCE)
            if self.newest.number > 0:
                if [each.place for each in found[:1]] != [self.newest.text]:
                    await self._begin()
                    self.replaced += 1
                    found = []
                del found[:1]
            while found:
                self._recent = [*self._recent, *found][-_KEPT:]
                self.newest = Place(found[-1].number, found[-1].place)
                if len(self._recent) == _KEPT:
                    self._first = self._recent[0].number - 1
                # The oldest come first: if the newest is there, nothing is missing.
                if newest <= self.newest.number:
                    break
                found, newest = await self._ask(self.newest.number, _AT_ONCE)
            news, self._news = self._news, asyncio.Event()
            news.set()

    async def _begin(self) -> None:
        """Begin with the newest event of the journal, whatever was known before."""
        found, _ = await self._ask(None, 1)
        self._recent = []
        self.newest = Place(found[0].number, found[0].place) if found else Place(0)
        self._first = self.newest.number

    async def _ask(self, number: int | None, most: int) -> tuple[list[_Sent], int]:
        """Return events after one, or the newest, and the number of the newest."""
        found, newest = await self._backend.ask("news", number, most)
        return [_sent(*each) for each in found], newest

    async def _wait(self, seconds: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def after(self, number: int) -> Sequence[_Sent]:
        """Return the events after one; wait for them, but not longer than a silence may be."""
        if number == self.newest.number:
            await self._wait(_SILENCE)
        if number == self.newest.number:
            return []
        if number >= self._first:
            return self._recent[bisect_right(self._recent, number, key=_number) :]
        return (await self._ask(number, _AT_ONCE))[0]

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


def _sent(number: int, time: float, event: dict[str, Any]) -> _Sent:
    place = f"{number}-{round(time * 1e6):x}"
    data = plain_json({"id": number, **event})
    return _Sent(number, place, event["subject"], event["name"], f"id: {place}\ndata: {data}\n\n")


def _reset(newest: Place) -> str:
    return f'event: reset\nid: {newest.text or 0}\ndata: {{"newest": {newest.number}}}\n\n'


async def stream(
    feed: Feed,
    after: Place | None,
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
        The place of the last event that the client has; None for those to come. If the journal does
        not have that event, it was replaced: the client is sent a reset, and the events to come.
    subject, name
        The only subject, and the only analysis.
    may_go_on
        Returns whether the client may still have events.
    """
    await feed.start()
    feed.streams += 1
    try:
        last, replaced = after or feed.newest, feed.replaced
        known = await feed.knows(last)
        yield f"retry: 2000\nid: {last.text or last.number}\n\n" if known else "retry: 2000\n\n"
        while not feed.ended:
            if not known or replaced != feed.replaced:
                last, replaced, known = feed.newest, feed.replaced, True
                yield _reset(last)
            found = await feed.after(last.number)
            if not await may_go_on():
                return
            if replaced != feed.replaced:
                continue
            texts = [
                each.text
                for each in found
                if subject in {None, each.subject} and name in {None, each.name}
            ]
            if found:
                last = Place(found[-1].number, found[-1].place)
            if texts:
                yield "".join(texts)
            if not found:
                yield f": alive\nid: {last.text or last.number}\n\n"
    except FaultError:
        return  # the client comes back
    finally:
        feed.streams -= 1
