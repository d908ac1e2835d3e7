"""Ask a process about the project, without waiting in the live view's own loop."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from asimov.system.child_process import exit_text
from asimov.tui.answering import Fault

#: What it runs. The current folder is no place to import from.
_PROGRAM = """\
import sys
sys.path[:] = filter(None, sys.path)
from asimov.tui.answering import main
main(sys.argv[1])
"""


class NoAnswerError(Exception):
    """There is no answer: a line that says why."""


class Answerer:
    """A process that answers questions about a project; it is started by the first.

    If it ends, the question that it was at gets no answer, and the next one starts another.

    Parameters
    ----------
    root
        The project's folder.
    terminal
        The terminal that it gives back if this process is killed.
    """

    def __init__(self, root: Path, terminal: object = None) -> None:
        self._root = root
        self._terminal = terminal
        self._process: asyncio.subprocess.Process | None = None
        self._next = asyncio.Lock()
        self._number = 0

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a question of `asimov.tui.questions`.

        Raises
        ------
        NoAnswerError
            With the line to show.
        """
        # A question whose asker lost interest is still answered, or the next would get its answer.
        return await asyncio.shield(asyncio.ensure_future(self._ask(name, arguments)))

    async def _ask(self, name: str, arguments: tuple[Any, ...]) -> Any:
        async with self._next:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", _PROGRAM, str(self._root),
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
                if self._terminal is not None:
                    await self._exchange(self._process, "terminal", (self._terminal,))
            answer = await self._exchange(self._process, name, arguments)
        if isinstance(answer, Fault):
            raise NoAnswerError(str(answer))
        return answer

    async def _exchange(
        self, process: asyncio.subprocess.Process, name: str, arguments: tuple[Any, ...]
    ) -> Any:
        assert process.stdin
        assert process.stdout
        self._number += 1
        data = pickle.dumps((self._number, name, arguments))
        try:
            process.stdin.write(len(data).to_bytes(8, "big") + data)
            await process.stdin.drain()
            while True:
                length = int.from_bytes(await process.stdout.readexactly(8), "big")
                number, answer = pickle.loads(await process.stdout.readexactly(length))
                if number == self._number:
                    return answer
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self._process = None
            code = await process.wait()
            raise NoAnswerError(
                f"the process that was asked ({name}) ended: {exit_text(code)}"
            ) from error

    async def close(self) -> None:
        """End the process; what it is doing is not waited for."""
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
