"""Run the service: listen, serve, and end in good order."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from asimov import logs
from asimov.errors import AsimovError
from asimov.server.app import application
from asimov.server.header_deadline import HeaderDeadline
from asimov.server.monitor import keep_monitor
from asimov.server.options import Options
from asimov.text import short

#: The seconds that requests have to end when the service does.
_GRACE = 5
#: How many connections there may be at once.
_CONNECTIONS = 1000


def run(options: Options, ready: Callable[[str], None], *, monitor: bool) -> None:
    """Serve a project until SIGTERM or Ctrl-C.

    Parameters
    ----------
    options
        How to listen, and the project.
    ready
        Called with the address once connections are accepted.
    monitor
        Whether to keep a monitor running.

    Raises
    ------
    AsimovError
        If the address can't be had, or may not be served.
    """
    options.check()
    logs.take_in_others()
    app = application(options)
    listening = _listen(options)
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"{options.scheme}://{host}:{listening.getsockname()[1]}/"
    config = uvicorn.Config(
        app,
        http=HeaderDeadline,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="on",
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.private_key,
    )
    try:
        config.load()
    except OSError as error:  # of the files for TLS
        listening.close()
        raise AsimovError(
            f"can't be used for TLS: {error.strerror or error}", where=options.certificate
        ) from error
    server = _Server(config)
    beside = [_look_after(server, app, lambda: ready(address))]
    if monitor:
        beside.append(keep_monitor(options.root))
    asyncio.run(_serve(server, listening, beside))


class _Server(uvicorn.Server):
    """Ends when a signal asks for it, and leaves it at that: to end was what was wanted."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM and Ctrl-C, without raising them again at the end."""
        before = {
            each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, at once if it is the second signal."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


async def _serve(
    server: _Server, listening: socket.socket, beside: list[Coroutine[Any, Any, None]]
) -> None:
    tasks = [asyncio.create_task(each) for each in beside]
    try:
        await server.serve([listening])
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _look_after(server: _Server, app: Starlette, ready: Callable[[], None]) -> None:
    """Tell when the service has begun; when it is to end, end what would hold it up."""
    while not server.started:
        await asyncio.sleep(0.01)
    ready()
    while not server.should_exit:
        await asyncio.sleep(0.05)
    app.state.feed.end_streams()


def _listen(options: Options) -> socket.socket:
    """Return a socket that listens at the address."""
    made = None
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(2048)
    except (OSError, UnicodeError) as error:
        if made is not None:
            made.close()
        why = getattr(error, "strerror", None) or error
        raise AsimovError(
            f"can't listen on this address: {why}",
            where=f"{short(options.host)}:{options.port}",
            hint="choose another --host or --port; --port 0 picks a free port",
        ) from error
    return made
