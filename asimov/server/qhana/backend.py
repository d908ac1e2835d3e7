"""The backend of QHAna's protocol: its helper processes, and the loop that watches tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from asimov.discovery import entrypoints
from asimov.engine.notifications.rules import wrong_address
from asimov.project.layout import Project
from asimov.server.faults import FaultError
from asimov.server.options import Options, is_loopback
from asimov.server.processes.pool import WRITING, Pool, answer_from
from asimov.system.helper_process.asking import Helper

#: The seconds between two looks at tasks: while there are some, and while there are none.
_LOOK, _IDLE = 0.25, 2.0
#: The seconds in which a helper has to answer.
_LIMIT = 60.0
#: What comes with a form.
_FORMS = {"start", "answer"}
#: How many processes there may be for the routes of plugins, which may hang.
_SEVERAL = 4


class QhanaBackend:
    """Asks helper processes, and has tasks watched.

    Parameters
    ----------
    project
        The project.
    options
        How the service listens.
    """

    def __init__(self, project: Project, options: Options) -> None:
        given = [str(project.root)]
        self._reader = Helper("asimov.server.qhana.reader", given, _LIMIT)
        module = "asimov.server.qhana.writer"
        self._watcher = Pool(module, given, _LIMIT, 1, WRITING)
        # Pipelines check forms, which may take long: that holds up nothing else.
        self._writer = Pool(module, given, _LIMIT, 1, WRITING)
        self._plugins = Pool("asimov.server.qhana.plugin_routes", given, _LIMIT, _SEVERAL)
        self._options = options
        self._address = project.config.get("qhana", "address", fallback="").rstrip("/")
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def root(self, request: Request) -> str:
        """Return the address of the service: the configured one, or that of the request."""
        if self._address:
            return self._address
        scheme = request.url.scheme
        client = request.client.host if request.client else None
        if client in self._options.proxies:
            forwarded = request.headers.get("x-forwarded-proto", "").strip().lower()
            scheme = forwarded if forwarded in {"http", "https"} else scheme
        return f"{scheme}://{request.headers['host']}"

    def wrong_webhook(self, address: str) -> str | None:
        """Return what is wrong with the address of a webhook, or None."""
        if wrong := wrong_address(address):
            return wrong
        host = urlsplit(address).hostname or ""
        only_here = is_loopback(self._options.host) and not self._options.proxies
        if not only_here and (host == "localhost" or is_loopback(host)):
            return "other machines can't give an address of this machine"
        return None

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer of `asimov.server.qhana.reader.TaskReader`.

        Raises
        ------
        FaultError
            If there is none.
        """
        return await answer_from(self._reader, name, *arguments)

    async def act(self, name: str, *arguments: Any) -> Any:
        """Have `asimov.server.qhana.writer.TaskWriter` do something, and return what it says.

        Raises
        ------
        FaultError
            If that was not done, or if it is not known.
        """
        pool = self._writer if name in _FORMS else self._watcher
        return await pool.ask(name, *arguments)

    async def answer_by_plugin(self, *arguments: Any) -> Any:
        """Return the answer of a plugin's own code.

        See `asimov.server.qhana.plugin_routes.PluginRoutes`.

        Raises
        ------
        FaultError
            If there is none.
        """
        return await self._plugins.ask("answer", *arguments)

    def begin(self) -> None:
        """Begin to look after tasks, if any package here has a plugin."""
        if entrypoints.found(entrypoints.CARDS):
            self._start()

    def _start(self) -> None:
        self._looking = asyncio.create_task(self._look())

    def wake(self) -> None:
        """Look at tasks soon: there may be a new one."""
        if self._looking is None:
            self._start()
        self._news.set()

    async def _look(self) -> None:
        with suppress(FaultError):  # so that the first caller, too, has an answer within a second
            await self.ask("plugins", "")
        while True:
            going = 0
            with suppress(FaultError):  # it is asked again
                going = await self.act("watch")
            self._news.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK if going else _IDLE)

    async def close(self) -> None:
        """Look no more, and end the helper processes."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._reader.close()
        for each in (self._watcher, self._writer, self._plugins):
            await each.close()
