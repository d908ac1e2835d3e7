"""Start a process that reads the project for the live view, so that the view never waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from asimov.system.helper_process.asking import Helper, NoAnswerError
from asimov.tui.answering import Fault

__all__ = ["Answerer", "NoAnswerError"]


class Answerer(Helper):
    """A process that answers questions of `asimov.tui.questions` about a project.

    Parameters
    ----------
    root
        The project's folder.
    terminal
        The terminal that it gives back if this process is killed.
    """

    def __init__(self, root: Path, terminal: object = None) -> None:
        super().__init__("asimov.tui.answering", [str(root)])
        self._terminal = terminal

    async def started(self, process: asyncio.subprocess.Process) -> None:
        """Tell the process which terminal to give back."""
        if self._terminal is not None:
            await self.exchange(process, "terminal", (self._terminal,))

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a question.

        Raises
        ------
        NoAnswerError
            With the line to show.
        """
        answer = await super().ask(name, *arguments)
        if isinstance(answer, Fault):
            raise NoAnswerError(str(answer))
        return answer
