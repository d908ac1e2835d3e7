"""Middleware that every request passes first: checks of its host, origin, key and size.

A page of another site that somebody has open in a browser must not get at the service: neither
under a name that leads to this machine (the check of the host), nor by a request that the browser
makes for it (the check of the origin).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asimov.server.admission.access import Access
from asimov.server.admission.policy import Policy
from asimov.server.faults import FaultError
from asimov.server.options import Options, is_loopback
from asimov.server.responses import HEADERS
from asimov.text import quoted

_FOREIGN = "requests from other sites are refused"


class Guard:
    """Checks requests, and gives every answer its headers.

    Parameters
    ----------
    app
        What answers the requests that may pass.
    options
        How the service listens.
    public
        The paths that anybody may read.
    free
        The beginnings of paths that need no key on this machine, also for writing; and whether
        from anywhere.
    policies
        The rules of protocols that have their own.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: Options,
        public: frozenset[str],
        free: tuple[tuple[str, ...], bool] = ((), False),
        policies: Sequence[Policy] = (),
    ) -> None:
        self._app = app
        self._access = Access(options.proxies, *free)
        self._public = public
        self._policies = (*policies, Policy())
        self._names = {options.host.lower(), "localhost", *map(str.lower, options.names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        policy = next(each for each in self._policies if each.covers(scope["path"]))
        state = scope.setdefault("state", {})
        state["policy"] = policy
        try:
            self._check_host(headers)
            self._check_origin(headers)
            _check_coding(scope, headers)
            if scope["path"] not in self._public:
                caller = await policy.admit(self._access, scope, headers)
                state.update(caller=caller, access=self._access)
            await self._app(scope, _bounded(headers, receive, policy), answer)
        except FaultError as error:
            await policy.refusal(error, scope, headers)(scope, receive, answer)
        except ClientDisconnect:  # in the middle of its request: nobody waits for an answer
            return
        except asyncio.CancelledError:  # the service ends, and its patience has too
            if not begun:
                ending = FaultError(503, "the service is shutting down", hint="try again later")
                await policy.refusal(ending, scope, headers)(scope, receive, answer)

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        host = _host_of(f"//{given[0]}") if len(given) == 1 else None
        if host is None:
            raise FaultError(400, "a request should name exactly one host", "header: Host")
        # No name that somebody else can point at this machine.
        if host not in self._names and not _is_address(host):
            raise FaultError(
                421, f"this service is not {quoted(host)}", "header: Host",
                "'asimov serve --name NAME' makes it answer to a name",
            )  # fmt: skip

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
                raise FaultError(403, _FOREIGN, "header: Sec-Fetch-Site")
            return
        if origin.partition("://")[2].lower() != headers.get("host", "").lower():
            raise FaultError(403, _FOREIGN, "header: Origin")


def _check_coding(scope: Scope, headers: Headers) -> None:
    """Refuse a body that is packed: what it unpacks to has no limit."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity" and scope["method"] not in {"GET", "HEAD"}:
        raise FaultError(
            415, f"a body in {quoted(coding)} is not unpacked", "header: Content-Encoding",
            "send it as it is", headers={"accept-encoding": "identity"},
        )  # fmt: skip


def _host_of(address: str) -> str | None:
    """Return the host of an address in small letters; None if there is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises
    except ValueError:
        return None
    plain = parts.netloc and not set(parts.netloc) & set("@/\\ \t") and not parts.path
    return (parts.hostname or "").lower() or None if plain else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return is_loopback(host)
    return True


def _bounded(headers: Headers, receive: Receive, policy: Policy) -> Receive:
    """Return what receives a body that is neither too large nor too slow.

    Raises
    ------
    FaultError
        If the header says that it is too large.
    """
    too_large = FaultError(413, f"a request may have at most {policy.largest} bytes", "body")
    length = headers.get("content-length", "0")
    if (
        not (length.isascii() and length.isdigit())
        or len(length) > 15
        or int(length) > policy.largest
    ):
        raise too_large
    loop = asyncio.get_running_loop()
    deadline = loop.time() + policy.patience
    seen = 0
    complete = False

    async def bounded() -> Message:
        nonlocal seen, complete
        if complete:  # what comes now is that the client has gone
            return await receive()
        try:
            left = min(policy.silence, max(0.0, deadline - loop.time()))
            message = await asyncio.wait_for(receive(), left)
        except asyncio.TimeoutError as error:
            late = f"the body did not arrive within {policy.patience:g} s"
            raise FaultError(408, late, "body") from error
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if seen > policy.largest:
                raise too_large
        return message

    return bounded
