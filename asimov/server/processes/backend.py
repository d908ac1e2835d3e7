"""The backend: the helper processes of the service, and which of them answers what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.server.faults import Fault, FaultError
from asimov.server.processes.kept_answers import Kept
from asimov.server.responses import Content
from asimov.system.helper_process.asking import Helper, NoAnswerError, TooLateError

#: Questions that run methods of pipelines, and so may take long.
_SLOW = {"analysis", "own", "graph", "plan", "rehearse", "rerun"}
#: The question that asks a scheduler, which may not answer: a second process is for who asks next.
_WHY = "why"
#: The seconds in which a helper has to answer.
_LIMIT = 60.0
#: How many requests may wait for one helper.
_MOST = 200


class Backend:
    """Asks helper processes: for what is quick, what may take long, reasons, pages, and what acts.

    Parameters
    ----------
    root, journal
        The project's folder, and its journal's file.
    """

    def __init__(self, root: Path, journal: Path) -> None:
        self._kept = Kept(journal)
        module, given = "asimov.server.reader", [str(root)]
        self._quick = Helper(module, given, _LIMIT)
        self._slow = Helper(module, given, _LIMIT)
        self._explaining = [Helper(module, given, _LIMIT) for _ in range(2)]
        self._writer = Helper("asimov.server.writer", given, _LIMIT)
        self._pages = Helper("asimov.server.dashboard.pages", given, _LIMIT)

    @property
    def waiting(self) -> dict[str, int]:
        """How many requests wait for each helper."""
        return {
            "quick": self._quick.waiting,
            "slow": self._slow.waiting,
            "explaining": sum(each.waiting for each in self._explaining),
            "acting": self._writer.waiting,
            "pages": self._pages.waiting,
        }

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer of `asimov.server.reader.Reader` to a question.

        Raises
        ------
        FaultError
            If there is none.
        """
        if name == _WHY:
            helper = min(self._explaining, key=lambda each: each.waiting)
        else:
            helper = self._slow if name in _SLOW else self._quick
        return await answer_from(helper, name, arguments)

    async def content(self, name: str, *arguments: Any) -> Content:
        """Return an answer as `ask` does, or the last one while nothing has changed.

        Raises
        ------
        FaultError
            If there is none.
        """
        return await self._kept.content((name, arguments), lambda: self.ask(name, *arguments))

    async def act(self, name: str, *arguments: Any) -> Any:
        """Have `asimov.server.writer.Writer` do something, and return what it says.

        Raises
        ------
        FaultError
            If that was not done, or if it is not known.
        """
        return await answer_from(self._writer, name, arguments)

    async def show(self, name: str, *arguments: Any) -> Any:
        """Return a page that `asimov.server.dashboard.pages.Pages` makes.

        Raises
        ------
        FaultError
            If there is none.
        """
        return await answer_from(self._pages, name, arguments)

    async def page(self, name: str, *arguments: Any) -> Content:
        """Return a page as `show` does, or the last one while nothing has changed.

        Raises
        ------
        FaultError
            If there is none.
        """
        question = ("page", name, arguments)
        return await self._kept.content(question, lambda: self.show(name, *arguments))

    async def close(self) -> None:
        """End the helper processes."""
        for each in (self._quick, self._slow, *self._explaining, self._writer, self._pages):
            await each.close()


async def answer_from(helper: Helper, name: str, arguments: tuple[Any, ...]) -> Any:
    """Return the answer of a helper process.

    Raises
    ------
    FaultError
        If there is none, or it is a fault.
    """
    if helper.waiting >= _MOST:
        raise FaultError(503, "too many requests wait already", hint="try again later")
    try:
        answer = await helper.ask(name, *arguments)
    except TooLateError as error:
        raise FaultError(504, str(error), hint="try again later") from error
    except NoAnswerError as error:
        raise FaultError(503, str(error), hint="try again") from error
    if isinstance(answer, Fault):
        raise answer.as_error()
    return answer
