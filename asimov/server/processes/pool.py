"""A pool of equal helper processes: one that hangs keeps nothing else waiting for long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from asimov.server.faults import Fault, FaultError
from asimov.system.helper_process.asking import Helper, NoAnswerError, TooLateError

#: How many requests may wait for one helper, or for those of a pool.
_MOST = 200
#: The seconds after which nobody waits any more for a pool in which all hang, by default.
_PATIENCE = 5.0
#: Those after which nobody waits any more for another request that changes something.
WRITING = 20.0
#: When to come back then.
_LATER = {"retry-after": "10"}


class Pool:
    """Helper processes that answer the same questions, each started when it is needed.

    Parameters
    ----------
    module, arguments, limit
        As of `asimov.system.helper_process.asking.Helper`.
    most
        How many there may be.
    patience
        The seconds after which nobody waits any more while all are at what they were at.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        limit: float,
        most: int,
        patience: float | None = None,
    ) -> None:
        self._patience = _PATIENCE if patience is None else patience
        self._helpers = [Helper(module, arguments, limit) for _ in range(most)]
        self._free = [*self._helpers]
        self._queue: deque[asyncio.Future[Helper]] = deque()
        #: When one was last taken or given back.
        self._moved = 0.0

    @property
    def waiting(self) -> int:
        """How many questions wait or are being answered."""
        return len(self._helpers) - len(self._free) + len(self._queue)

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a question; see `answer_from`.

        Raises
        ------
        FaultError
            If there is none, or if every process has been at one question for seconds.
        """
        helper = await self._taken()
        # Who loses interest leaves a helper that is still busy.
        asked = asyncio.ensure_future(answer_from(helper, name, *arguments))
        asked.add_done_callback(lambda done: self._give_back(helper, done))
        return await asyncio.shield(asked)

    async def _taken(self) -> Helper:
        loop = asyncio.get_running_loop()
        if self._free:
            self._moved = loop.time()
            return self._free.pop()  # the one that answered last: the others may never be needed
        if len(self._queue) >= _MOST:
            raise FaultError(503, "too many requests are waiting", hint="try again later")
        place: asyncio.Future[Helper] = loop.create_future()
        self._queue.append(place)
        try:
            while not place.done():
                left = self._moved + self._patience - loop.time()
                if left <= 0:
                    number = len(self._helpers)
                    raise too_busy(
                        f"all {number} processes that could answer are busy"
                        if number > 1
                        else "another request takes long"
                    )
                await asyncio.wait([place], timeout=left)
            return place.result()
        except BaseException:
            if place.done():
                self._give_back(place.result())
            else:
                self._queue.remove(place)
            raise

    def _give_back(self, helper: Helper, done: asyncio.Future[Any] | None = None) -> None:
        if done is not None and not done.cancelled():
            done.exception()  # it is seen, also if nobody waits for it any more
        self._moved = asyncio.get_running_loop().time()
        if self._queue:
            self._queue.popleft().set_result(helper)
        else:
            self._free.append(helper)

    async def close(self) -> None:
        """End the processes."""
        for each in self._helpers:
            await each.close()


def too_busy(what: str) -> FaultError:
    """Return the error for a request that nobody has time for."""
    return FaultError(503, what, hint="try again in a while", headers=_LATER)


async def answer_from(helper: Helper, name: str, *arguments: Any) -> Any:
    """Return the answer of a helper process.

    Raises
    ------
    FaultError
        If there is none, or it is a fault.
    """
    if helper.waiting >= _MOST:
        raise FaultError(503, "too many requests are waiting", hint="try again later")
    try:
        answer = await helper.ask(name, *arguments)
    except TooLateError as error:
        raise FaultError(504, str(error), hint="try again later") from error
    except NoAnswerError as error:
        raise FaultError(503, str(error), hint="try again") from error
    if isinstance(answer, Fault):
        raise answer.as_error()
    return answer
