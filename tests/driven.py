"""The live view without a terminal: press keys, and read what is on its screen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asimov.tui.app import Top


class Driven:
    """A live view in a thread of its own."""

    def __init__(self, app: Top) -> None:
        self.app = app
        self._wishes: asyncio.Queue[tuple[Callable[[], Any], Future[Any]] | None]
        self._loop: asyncio.AbstractEventLoop
        self._begun = threading.Event()
        self.lines: list[str] = []

    @classmethod
    @contextmanager
    def of(cls, root: Path, size: tuple[int, int] = (80, 24), **how: Any) -> Iterator[Driven]:
        """Start a view of a project, with options of `View`, and end it."""
        from asimov.tui.app import Top, View  # takes long to import

        driven = cls(Top(View(root, **how)))
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(driven._run(size))
            except BaseException as error:
                failed.append(error)
                driven._begun.set()

        thread = threading.Thread(target=run)
        thread.start()
        driven._begun.wait()
        try:
            yield driven
        finally:
            if not failed:
                driven._loop.call_soon_threadsafe(driven._wishes.put_nowait, None)
            thread.join()
            for error in failed:
                raise error

    async def _run(self, size: tuple[int, int]) -> None:
        self._loop, self._wishes = asyncio.get_running_loop(), asyncio.Queue()
        async with self.app.run_test(size=size) as self._pilot:
            self._begun.set()
            while (wish := await self._wishes.get()) is not None:
                what, answer = wish
                try:
                    answer.set_result(await what())
                except BaseException as error:
                    answer.set_exception(error)

    def _do(self, what: Callable[[], Any]) -> Any:
        answer: Future[Any] = Future()
        self._loop.call_soon_threadsafe(self._wishes.put_nowait, (what, answer))
        return answer.result(60)

    def press(self, *keys: str) -> str:
        """Press keys; return what the screen shows then."""
        self._do(lambda: self._pilot.press(*keys))
        return self.text

    def resize(self, width: int, height: int) -> str:
        """Give the terminal another size; return what the screen shows then."""
        self._do(lambda: self._pilot.resize_terminal(width, height))
        return self.text

    @property
    def text(self) -> str:
        """What is on the screen."""

        async def drawn() -> str:
            await self._pilot.pause()
            strips = self.app.screen._compositor.render_strips(self.app.size)
            return "\n".join(strip.text.rstrip() for strip in strips)

        return str(self._do(drawn))

    def until(self, is_so: Callable[[], object]) -> str:
        """Wait until something is so; return what the screen shows then."""
        end = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < end, self.text
        return self.text

    def shows(self, *parts: str) -> str:
        """Wait until the screen shows all of some texts; return what it shows."""
        return self.until(lambda: all(part in self.text for part in parts))
