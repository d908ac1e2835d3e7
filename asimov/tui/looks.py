"""Poll the project for the live view, less often if answers are slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from asimov.engine.status import Row
from asimov.tui.asking import Answerer, NoAnswerError
from asimov.tui.questions import Overview

#: An answer that took long is asked for less often: at most this share of the time.
_SHARE = 0.2


class Looks:
    """What is known of the project.

    Parameters
    ----------
    answerer
        The process to ask.
    interval
        The seconds between two looks.
    seen
        Called after each look with whether the analyses have changed.

    Attributes
    ----------
    rows
        The analyses.
    overview
        The last answer, or None.
    problem
        Why there was no answer to the last question; empty if there was one.
    """

    def __init__(self, answerer: Answerer, interval: float, seen: Callable[[bool], None]) -> None:
        self._answerer = answerer
        self._interval = interval
        self._seen = seen
        self._wanted = asyncio.Event()
        self.rows: Sequence[Row] = ()
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
