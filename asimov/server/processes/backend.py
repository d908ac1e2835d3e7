"""Start the service's helper processes, and send each request to the right one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.server.processes.kept_answers import Kept
from asimov.server.processes.pool import WRITING, Pool, answer_from
from asimov.server.responses import Content
from asimov.system.helper_process.asking import Helper

#: Questions that load pipelines or run methods of theirs, and so may take long or hang.
_SLOW = {
    "analysis", "own", "graph", "outputs", "output_file", "question", "plan", "rehearse", "rerun",
}  # fmt: skip
#: Pages for which that is so.
_SLOW_PAGES = {"analysis", "log"}
#: The question that asks a scheduler, which may not answer.
_WHY = "why"
#: What waits for a pass of the monitor, as the commands do.
_AFTER_PASS = {"act", "rerun"}
#: The seconds for which the next of them waits meanwhile.
_FOR_PASS = 30.0
#: What waits for no pass, but is checked by pipelines: it holds up nothing else that acts.
_ANSWERS = {"answer"}
#: The seconds in which a helper has to answer.
_LIMIT = 60.0
#: How many processes there may be for questions that may hang.
_SEVERAL = 4


class Backend:
    """Asks helper processes: for what is quick, what may hang, reasons, pages, and what acts.

    Parameters
    ----------
    root, journal
        The project's folder, and its journal's file.
    """

    def __init__(self, root: Path, journal: Path) -> None:
        self._kept = Kept(journal)
        module, given = "asimov.server.reader", [str(root)]
        self._quick = Helper(module, given, _LIMIT)
        self._slow = Pool(module, given, _LIMIT, _SEVERAL)
        self._explaining = Pool(module, given, _LIMIT, _SEVERAL)
        # One of each kind: what is sent twice is done once, and the second time as an answer.
        module = "asimov.server.writer"
        self._writer = Pool(module, given, _LIMIT, 1, WRITING)
        self._after_pass = Pool(module, given, _LIMIT, 1, _FOR_PASS)
        self._answering = Pool(module, given, _LIMIT, 1, WRITING)
        module = "asimov.server.dashboard.pages"
        self._pages = Helper(module, given, _LIMIT)
        self._slow_pages = Pool(module, given, _LIMIT, _SEVERAL)

    @property
    def _acting(self) -> tuple[Pool, ...]:
        return self._writer, self._after_pass, self._answering

    @property
    def waiting(self) -> dict[str, int]:
        """How many requests wait for each helper."""
        return {
            "quick": self._quick.waiting,
            "slow": self._slow.waiting,
            "explaining": self._explaining.waiting,
            "acting": sum(each.waiting for each in self._acting),
            "pages": self._pages.waiting + self._slow_pages.waiting,
        }

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer of `asimov.server.reader.Reader` to a question.

        Raises
        ------
        FaultError
            If there is none.
        """
        if name == _WHY:
            return await self._explaining.ask(name, *arguments)
        if name in _SLOW or _may_hang(arguments):
            return await self._slow.ask(name, *arguments)
        return await answer_from(self._quick, name, *arguments)

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
            If that was not done, or if it is not known; also if another such request takes so long
            that it was not begun.
        """
        if name in _AFTER_PASS:
            return await self._after_pass.ask(name, *arguments)
        pool = self._answering if name in _ANSWERS else self._writer
        return await pool.ask(name, *arguments)

    async def show(self, name: str, *arguments: Any) -> Any:
        """Return a page that `asimov.server.dashboard.pages.Pages` makes.

        Raises
        ------
        FaultError
            If there is none.
        """
        if name in _SLOW_PAGES or _may_hang(arguments):
            return await self._slow_pages.ask(name, *arguments)
        return await answer_from(self._pages, name, *arguments)

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
        for one in (self._quick, self._pages):
            await one.close()
        for several in (self._slow, self._explaining, self._slow_pages, *self._acting):
            await several.close()


def _may_hang(arguments: tuple[Any, ...]) -> bool:
    """Return whether a selection asks what is out of date: pipelines have a say in that."""
    names = ("outdated", "asks_outdated")
    return any(getattr(each, name, False) for each in arguments for name in names)
