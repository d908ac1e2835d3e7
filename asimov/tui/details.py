"""Fill the pane with what a reader wants to know about the chosen analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asimov.journal.keys import Key
from asimov.tui.asking import Answerer, NoAnswerError
from asimov.tui.pane import Pane

#: What there is to know, with the question that is asked for it.
_QUESTIONS = {"why": "why", "log": "events", "output": "output", "settings": "settings"}
#: What is read from its end.
_GROWING = {"output", "log"}


class Details:
    """What the pane shows.

    Parameters
    ----------
    answerer
        The process to ask.
    chosen
        Returns the analysis that is chosen, if one is.
    title
        Called with the title of what is shown.

    Attributes
    ----------
    about
        What is shown: a key of `_QUESTIONS`; None while the pane is closed.
    file
        Which of the job's files is shown, counted from 0.
    """

    def __init__(
        self,
        answerer: Answerer,
        chosen: Callable[[], Key | None],
        title: Callable[[str], None],
    ) -> None:
        self._answerer = answerer
        self._chosen = chosen
        self._title = title
        self._wanted = asyncio.Event()
        self.about: str | None = None
        self.file = 0

    def again(self) -> None:
        """Ask now."""
        self._wanted.set()

    async def fill(self, pane: Pane) -> None:
        """Fill the pane for ever, one question at a time; only the last one that is wanted."""
        shown = None
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            key, about, file = wanted = self._chosen(), self.about, self.file
            if about is None:
                shown = None
                continue
            self._title(f"{about}: {key}" if key else about)
            if key is None:
                pane.show([], at_end=False)
                continue
            if wanted != shown:
                pane.show(["..."], at_end=False)
            arguments = (key, file) if about == "output" else (key,)
            try:
                lines = await self._answerer.ask(_QUESTIONS[about], *arguments)
            except NoAnswerError as error:
                lines = [f"error: {error}"]
            if wanted != (self._chosen(), self.about, self.file):
                self._wanted.set()  # the reader has gone on
                continue
            pane.show(lines, at_end=None if wanted == shown else about in _GROWING)
            shown = wanted
