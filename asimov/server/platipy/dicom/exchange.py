"""Start and direct the process that fetches, receives and sends DICOM series."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterable

from asimov.logs import logger
from asimov.project.layout import Project
from asimov.system.helper_process.asking import Helper, NoAnswerError

#: The seconds that a series may take, and those after which a failure is tried again.
_LIMIT, _AGAIN = 3600.0, 60.0


class Dicom:
    """The process that speaks DICOM; it is started once there is something for it to do.

    Parameters
    ----------
    project
        The project. Its option ``platipy/dicom port`` says where to listen.
    """

    def __init__(self, project: Project) -> None:
        self._helper = Helper("asimov.server.platipy.dicom.helper", [str(project.root)], _LIMIT)
        self._listens = project.config.get("platipy", "dicom port", fallback="") != ""
        self._there = importlib.util.find_spec("pynetdicom") is not None
        self._failed: dict[tuple[str, int], float] = {}
        if self._listens and not self._there:
            logger().warning("platipy/dicom port needs pynetdicom: pip install 'asimov[dicom]'")

    async def exchange(self, fetch: Iterable[int], send: Iterable[int]) -> None:
        """Fetch and send data objects, by their numbers; what fails is tried again later."""
        if not self._there:
            return
        if self._listens:
            await self._ask("listen", 0)
        for number in fetch:
            await self._ask("fetch", number)
        for number in send:
            await self._ask("send", number)

    async def _ask(self, what: str, number: int) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._failed.get((what, number), -_AGAIN) + _AGAIN:
            return
        try:
            problem = await self._helper.ask(what, number)
        except NoAnswerError as error:
            problem = str(error)
        if problem is None:
            self._failed.pop((what, number), None)
            return
        self._failed[what, number] = now
        logger().warning("DICOM: %s %s: %s", what, number or "", problem)

    async def end(self) -> None:
        """End the process."""
        await self._helper.close()
