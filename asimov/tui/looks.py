"""Look at the project again and again: at its analyses, and at which are out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from asimov.engine.status import Row
from asimov.journal.keys import Key
from asimov.tui.asking import Answerer, NoAnswerError
from asimov.tui.questions import Overview

#: An answer that took long is asked for less often: at most this share of the time.
_SHARE = 0.2
#: The seconds between two questions what is out of date.
_VERDICTS = 20.0


class Looks:
    """What is known of the project.

    Parameters
    ----------
    answerer, judge
        The processes to ask for the analyses, and for those that are out of date.
    interval
        The seconds between two looks.
    seen
        Called after each look with whether the analyses have changed.

    Attributes
    ----------
    rows
        The analyses.
    outdated
        Why analyses are out of date; always the same mapping.
    overview
        The last answer, or None.
    problem
        Why there was no answer to the last question; empty if there was one.
    """

    def __init__(
        self, answerer: Answerer, judge: Answerer, interval: float, seen: Callable[[bool], None]
    ) -> None:
        self._answerer = answerer
        self._judge = judge
        self._interval = interval
        self._seen = seen
        self._wanted = asyncio.Event()
        self.rows: Sequence[Row] = ()
        self.outdated: dict[Key, str] = {}
        self.overview: Overview | None = None
        self.problem = ""

    def again(self) -> None:
        """Look now."""
        self._wanted.set()

    async def look(self) -> None:
        """Look for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            self._wanted.clear()
            new = False
            try:
                found: Overview = await self._answerer.ask("overview")
            except NoAnswerError as error:
                self.problem = str(error)
            else:
                self.problem = ""
                self.overview = found
                new = found.rows is not None
                self.rows = self.rows if found.rows is None else found.rows
            self._seen(new)
            pause = max(self._interval, (clock() - began) / _SHARE)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), pause)

    async def judge(self) -> None:
        """Ask for ever what is out of date."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            with suppress(NoAnswerError):  # `look` tells why
                found: dict[Key, str] = await self._judge.ask("outdated")
                if found != self.outdated:
                    self.outdated.clear()
                    self.outdated.update(found)
                    self._seen(True)
            await asyncio.sleep(max(_VERDICTS, (clock() - began) / _SHARE))
