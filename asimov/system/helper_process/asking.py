"""Start a helper process from the event loop, and await its answers to questions."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from asimov.system.child_process import exit_text

#: What the process runs. The current folder is no place to import from.
PROGRAM = """\
import sys
from importlib import import_module
sys.path[:] = filter(None, sys.path)
import_module(sys.argv[1]).main(*sys.argv[2:])
"""


class NoAnswerError(Exception):
    """There is no answer: a line that says why."""


class TooLateError(NoAnswerError):
    """There was no answer in time, and the process was ended."""


class Helper:
    """A process that answers questions; it is started by the first.

    If it ends, the question that it was at gets no answer, and the next one starts another.

    Parameters
    ----------
    module
        What it runs: the function ``main`` of this module, which calls
        `asimov.system.helper_process.answering.answer_questions`.
    arguments
        What that function is given.
    limit
        The seconds after which a question has no answer, and the process is killed; None for none.
    """

    def __init__(self, module: str, arguments: Sequence[str], limit: float | None = None) -> None:
        self._command = [sys.executable, "-c", PROGRAM, module, *arguments]
        self._limit = limit
        self._process: asyncio.subprocess.Process | None = None
        self._next = asyncio.Lock()
        self._closed = False
        self._number = 0
        #: How many questions wait or are being answered.
        self.waiting = 0

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a question.

        Raises
        ------
        NoAnswerError
            With the line to show, if the process ended, or can't be started.
        """
        # A question whose asker lost interest is still answered, or the next would get its answer.
        asked = asyncio.ensure_future(self._ask(name, arguments))
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asked)

    async def _ask(self, name: str, arguments: tuple[Any, ...]) -> Any:
        self.waiting += 1
        try:
            async with self._next:
                process = self._process
                if process is None and not self._closed:
                    process = self._process = await self._start()
                    await self.started(process)
                if process is None or self._closed:
                    raise NoAnswerError(f"nothing is asked any more ({name})")
                return await self.exchange(process, name, arguments)
        finally:
            self.waiting -= 1

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise NoAnswerError(f"no process can be started: {error.strerror}") from error

    async def started(self, process: asyncio.subprocess.Process) -> None:
        """Do what must come before the first question."""

    async def exchange(
        self, process: asyncio.subprocess.Process, name: str, arguments: tuple[Any, ...]
    ) -> Any:
        """Ask one question and wait for its answer."""
        try:
            return await asyncio.wait_for(self._exchange(process, name, arguments), self._limit)
        except asyncio.TimeoutError as error:
            self._process = None
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise TooLateError(f"there was no answer ({name}) in {self._limit:g} s") from error
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self._process = None
            code = await process.wait()
            raise NoAnswerError(
                f"the process that was asked ({name}) ended: {exit_text(code)}"
            ) from error

    async def _exchange(
        self, process: asyncio.subprocess.Process, name: str, arguments: tuple[Any, ...]
    ) -> Any:
        assert process.stdin
        assert process.stdout
        self._number += 1
        data = pickle.dumps((self._number, name, arguments))
        process.stdin.write(len(data).to_bytes(8, "big") + data)
        await process.stdin.drain()
        while True:
            length = int.from_bytes(await process.stdout.readexactly(8), "big")
            number, answer = pickle.loads(await process.stdout.readexactly(length))
            if number == self._number:
                return answer

    async def close(self) -> None:
        """End the process, for good; what it is doing is not waited for."""
        self._closed = True
        if self._process is None:
            async with self._next:  # it may be starting: to interrupt that can hang
                pass
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with suppress(ConnectionError, OSError):
            process.stdin.write(bytes(8))
            await process.stdin.drain()
        if self._next.locked():  # busy: it would not see the goodbye
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        await process.wait()
