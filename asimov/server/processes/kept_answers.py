"""Cache replies while nothing has changed: many identical requests cost no more than one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from pathlib import Path
from typing import NamedTuple

from asimov.journal.snapshot import stamp
from asimov.server.responses import Content

#: The seconds for which an answer is given again: what does not show in the journal, such as an
#: edit of the ledger by hand, may go unnoticed for so long.
_FRESH = 0.5
#: How many answers are kept.
_MOST = 32


class _Answer(NamedTuple):
    until: float
    state: object
    content: asyncio.Task[Content]


class Kept:
    """The last answers to some questions.

    Parameters
    ----------
    journal
        The journal's file; an answer is given again only while it is unchanged.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._answers: dict[Hashable, _Answer] = {}

    async def content(self, question: Hashable, ask: Callable[[], Awaitable[str]]) -> Content:
        """Return the answer to a question; those who ask at once share one.

        Parameters
        ----------
        question
            What identifies it.
        ask
            Asks it.
        """
        now = time.monotonic()
        state = stamp(self._journal)  # taken before asking: a later change is seen next time
        known = self._answers.get(question)
        if known is None or known.state != state or now > known.until:
            known = _Answer(now + _FRESH, state, asyncio.ensure_future(_content(ask)))
            self._drop(now)
            self._answers[question] = known
        try:
            # Who loses interest takes it from nobody else.
            return await asyncio.shield(known.content)
        except Exception:
            if self._answers.get(question) is known:
                del self._answers[question]
            raise

    def _drop(self, now: float) -> None:
        """Drop what is old, and the oldest if there are too many."""
        self._answers = {name: each for name, each in self._answers.items() if now <= each.until}
        while len(self._answers) >= _MOST:
            del self._answers[next(iter(self._answers))]


async def _content(ask: Callable[[], Awaitable[str]]) -> Content:
    return Content(await ask())
