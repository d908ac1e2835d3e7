"""Collect requests to run functions: those that arrive meanwhile share the next transaction."""

from __future__ import annotations

import asyncio
from typing import Any

from asimov.server.faults import Fault, FaultError
from asimov.server.processes.backend import Backend
from asimov.server.processes.pool import WRITING, too_busy

#: The most triggers that go together.
_MOST = 50
_Waiting = tuple[tuple[Any, ...], "asyncio.Future[str]"]


class Triggers:
    """Carries out triggers, those of a key together.

    Parameters
    ----------
    backend
        The helper processes.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiting: dict[str, list[_Waiting]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def add(self, owner: str, *order: Any) -> str:
        """Carry out a trigger of a key; return the identity of the call.

        Raises
        ------
        FaultError
            If there is none.
        """
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        mine = (order, done)
        self._waiting.setdefault(owner, []).append(mine)
        if owner not in self._tasks:
            self._tasks[owner] = asyncio.create_task(self._carry_out(owner))
        await asyncio.wait([done], timeout=WRITING)
        waiting = self._waiting.get(owner, [])
        if any(each is mine for each in waiting):  # those before it take long
            waiting.remove(mine)
            raise too_busy("other triggers of this key take long")
        return await done

    async def _carry_out(self, owner: str) -> None:
        try:
            while waiting := self._waiting.pop(owner, []):
                now, later = waiting[:_MOST], waiting[_MOST:]
                if later:
                    self._waiting[owner] = later
                try:
                    orders = [order for order, _ in now]
                    said = await self._backend.act("platipy", owner, "trigger", orders)
                except FaultError as error:
                    said = [error] * len(now)
                for (_, done), answer in zip(now, said, strict=True):
                    if done.cancelled():
                        continue
                    if isinstance(answer, FaultError):
                        done.set_exception(answer)
                    elif isinstance(answer, Fault):
                        done.set_exception(answer.as_error())
                    else:
                        done.set_result(answer)
        finally:
            del self._tasks[owner]
