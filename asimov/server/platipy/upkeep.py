"""Background work for PlatiPy's protocol: upload limits and expiry, and DICOM transfers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from asimov.project.layout import Project
from asimov.server.faults import FaultError
from asimov.server.platipy.dicom.exchange import Dicom
from asimov.server.platipy.triggers import Triggers
from asimov.server.platipy.upload_places import UploadPlaces
from asimov.server.platipy.uploads import INCOMING, UPLOADS
from asimov.server.processes.backend import Backend

#: How many uploads may come at once; a key alone may have half of them.
_UPLOADS = 200
#: The seconds between two looks for what has expired.
_LOOK = 30.0
#: The age in seconds from which an unfinished upload is nobody's.
_AGE = 7200.0


class Upkeep:
    """Looks after datasets from the service's begin to its end.

    Parameters
    ----------
    project
        The project.
    backend
        The helper processes.

    Attributes
    ----------
    incoming
        The folder for uploads as they come.
    places
        Limits the uploads that come at once.
    triggers
        Carries out triggers.
    """

    def __init__(self, project: Project, backend: Backend) -> None:
        self._backend = backend
        self.incoming: Path = project.root / UPLOADS / INCOMING
        self.places = UploadPlaces(_UPLOADS)
        self.triggers = Triggers(backend)
        self._news = asyncio.Event()
        self._dicom = Dicom(project)
        self._task = asyncio.create_task(self._look())

    def wake(self, after: asyncio.Future[Any] | None = None) -> None:
        """Look now, or after something, whether there is something to do."""
        if after is None:
            self._news.set()
        else:
            after.add_done_callback(lambda _: self._news.set())

    async def end(self) -> None:
        """End it."""
        self._task.cancel()
        await self._dicom.end()

    async def _look(self) -> None:
        """Remove what has expired, and import new modules; a project without any costs nothing."""
        first = True
        loop = asyncio.get_running_loop()
        clean = loop.time()
        while True:
            with suppress(FaultError):  # it is tried again
                chores = await self._backend.ask("platipy_chores")
                if chores["uploads"] and loop.time() >= clean:
                    await self._backend.act("platipy", "", "clean", _AGE)
                    clean = loop.time() + _AGE
                if first and chores["modules"]:
                    await self._backend.act("platipy", "", "algorithms")
                if chores["expired"]:
                    await self._backend.act("platipy", "", "expire")
                first = False
                await self._dicom.exchange(chores["fetch"], chores["send"])
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK)
            self._news.clear()
