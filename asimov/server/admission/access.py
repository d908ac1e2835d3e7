"""Who may do what: keys, who asks from this machine, and how many requests each may make.

From this machine's loopback anybody may read, unless a proxy forwards the request: then somebody
else asks. Everything else needs a key, in the header ``Authorization: Bearer KEY``; a browser that
has shown one may read on (see `asimov.server.dashboard.sessions`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from asimov.journal.access_keys import AccessKey, matching
from asimov.server.dashboard.sessions import Sessions
from asimov.server.faults import FaultError
from asimov.server.options import is_loopback
from asimov.server.processes.backend import Backend

#: The seconds for which the keys are known; so long a revoked one may work on.
_KNOWN = 0.25
#: The seconds after which the use of a key is recorded again.
_USED = 60.0
#: How many callers' allowances are remembered.
_CALLERS = 10_000
#: How many requests without a valid key a minute another machine may make.
_STRANGERS = 60
#: Headers by which proxies say whom they forward requests of.
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")
_READING = ("GET", "HEAD", "OPTIONS")


class Caller(NamedTuple):
    """Who makes a request: the name of the key; empty for somebody on this machine."""

    key: str


class Access:
    """Admits requests.

    Parameters
    ----------
    proxies
        Addresses of proxies that say truly whom they forward requests of.
    free
        The beginnings of paths that need no key on this machine, also for writing.
    from_anywhere
        Whether they need none from other machines either.
    """

    def __init__(
        self, proxies: tuple[str, ...], free: tuple[str, ...] = (), from_anywhere: bool = False
    ) -> None:
        self._proxies = frozenset(proxies)
        self._free = free
        self._from_anywhere = from_anywhere
        self._keys: list[AccessKey] = []
        self._read = -_KNOWN
        self._used: dict[str, float] = {}
        self._recording: set[asyncio.Task[None]] = set()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        #: The browsers that may read.
        self.sessions = Sessions()

    async def admit(self, scope: Scope, headers: Headers) -> Caller:
        """Return who asks.

        Raises
        ------
        FaultError
            If they may not.
        """
        is_free = f"{scope['path']}/".startswith(tuple(f"{each}/" for each in self._free))
        reading = scope["method"] in _READING
        given = headers.get("authorization")
        if given is None:
            client = self._client(scope, headers)
            here = client is not None and is_loopback(client)
            if (reading or is_free) and (here or (is_free and self._from_anywhere)):
                return Caller("")
            if reading and (name := self.sessions.key_of(headers.get("cookie", ""))):
                known = await self._valid(scope["app"].state.backend, name)
                if known is not None:
                    self._allow(f"key {name}", known.rate)
                    return Caller(name)
            self._allow(f"address {client}", _STRANGERS)
            raise _unknown(
                "reading from another machine needs a key" if reading else "changes need a key"
            )
        scheme, _, key = given.partition(" ")
        held = key.strip() if scheme.lower() == "bearer" else None
        return await self.of_key(scope, headers, held, "Authorization")

    async def of_key(
        self, scope: Scope, headers: Headers, key: str | None, header: str, *, counted: bool = True
    ) -> Caller:
        """Return the owner of a key.

        Parameters
        ----------
        scope, headers
            The request.
        key
            The key that it has; None for none.
        header
            The header that the key belongs into.
        counted
            Whether the request counts among those that the key may make in a minute.

        Raises
        ------
        FaultError
            If it is no key, or may not do that.
        """
        backend: Backend = scope["app"].state.backend
        found = None
        if key is not None:
            found = matching(await self._known(backend, _KNOWN), key)
        if found is None:
            self._allow(f"address {self._client(scope, headers)}", _STRANGERS)
            if key is not None:  # it may be new
                found = matching(await self._known(backend, 0.0), key)
        if found is None:
            raise _unknown("this key is unknown or was revoked", header)
        if counted:
            self._allow(f"key {found.name}", found.rate)
        if found.read_only and scope["method"] not in _READING:
            raise FaultError(403, f"the key {found.name} may only read", f"header: {header}")
        self._record_use(backend, found.name)
        return Caller(found.name)

    def _client(self, scope: Scope, headers: Headers) -> str | None:
        """Return the address that a request comes from; None if that is not known."""
        client = scope.get("client")
        address: str | None = client[0] if client else None
        if address not in self._proxies:
            # Somebody else's proxy on this machine is not somebody on this machine.
            return None if any(each in headers for each in _FORWARDED) else address
        names = [each.strip() for each in headers.get("x-forwarded-for", "").split(",")]
        for each in reversed(names):
            if each not in self._proxies:
                return each or None
        return None

    async def may_go_on(self, backend: Backend, caller: Caller) -> bool:
        """Return whether a request that lasts may go on: the key may have been revoked since."""
        return not caller.key or await self._valid(backend, caller.key) is not None

    async def _valid(self, backend: Backend, name: str) -> AccessKey | None:
        """Return the key of a name, unless it was revoked."""
        known = await self._known(backend, _KNOWN)
        return next((each for each in known if each.name == name), None)

    async def _known(self, backend: Backend, age: float) -> list[AccessKey]:
        """Return the keys as they were at most so many seconds ago."""
        now = time.monotonic()
        if now > self._read + age:
            found = await backend.ask("access_keys")
            if now > self._read:  # who asked later may have had an answer before
                self._keys, self._read = found, now
        return self._keys

    def _allow(self, caller: str, rate: int) -> None:
        allowance = self._allowances.setdefault(caller, _Allowance(rate))
        self._allowances.move_to_end(caller)
        while len(self._allowances) > _CALLERS:
            self._allowances.popitem(last=False)
        wait = allowance.wait(rate)
        if wait:
            raise FaultError(
                429,
                f"more than {rate} requests a minute",
                hint=f"try again in {wait} s",
                headers={"retry-after": str(wait)},
            )

    def _record_use(self, backend: Backend, name: str) -> None:
        """Have the use of a key recorded, without waiting for it."""
        now = time.monotonic()
        if now < self._used.get(name, -_USED) + _USED:
            return
        self._used[name] = now

        async def record() -> None:
            with suppress(FaultError):  # a full disk keeps nobody from reading
                await backend.act("record_use", name)

        task = asyncio.create_task(record())
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)


class _Allowance:
    """The requests that somebody may still make: as many at once as a minute allows."""

    def __init__(self, rate: int) -> None:
        self._left = float(rate)
        self._seen = time.monotonic()

    def wait(self, rate: int) -> int:
        """Take one; return the seconds until there is one if there is none."""
        now = time.monotonic()
        self._left = min(float(rate), self._left + (now - self._seen) * rate / 60)
        self._seen = now
        if self._left < 1:
            return max(1, round((1 - self._left) * 60 / rate))
        self._left -= 1
        return 0


def _unknown(what: str, header: str = "Authorization") -> FaultError:
    scheme = "Bearer " if header == "Authorization" else ""
    return FaultError(
        401,
        what,
        f"header: {header}",
        f"send '{header}: {scheme}KEY'; 'asimov manage key --add NAME' creates a key",
        {"www-authenticate": 'Bearer realm="asimov"'},
    )
