"""What goes on beside the calls: uploads expire, and new modules of functions are imported."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from asimov.server.backend import Backend
from asimov.server.faults import FaultError

#: The seconds between two looks for what has expired.
_LOOK = 30.0
#: The age in seconds from which an unfinished upload is nobody's.
_AGE = 7200.0


async def keep_up(backend: Backend) -> None:
    """Look after the datasets until the service ends; a project without any costs nothing.

    Parameters
    ----------
    backend
        The helper processes.
    """
    first = True
    while True:
        with suppress(FaultError):  # it is tried again
            chores = await backend.ask("platipy_chores")
            if first and chores["uploads"]:
                await backend.act("platipy", "", "clean", _AGE)
            if first and chores["modules"]:
                await backend.act("platipy", "", "algorithms")
            if chores["expired"]:
                await backend.act("platipy", "", "expire")
            first = False
        await asyncio.sleep(_LOOK)
