"""What a route is: method, path, parameters and types, from which the OpenAPI document is made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from asimov.server.faults import FaultError
from asimov.text import did_you_mean, quoted


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query.

    Attributes
    ----------
    name
        Its name.
    about
        What it means, in a line.
    kind
        ``str``, ``int`` or ``bool``.
    many
        Whether it may be given several times.
    least, most
        The range of a number.
    """

    name: str
    about: str
    kind: type = str
    many: bool = False
    default: Any = None
    least: int = 0
    most: int = 2**53

    def value(self, query: QueryParams) -> Any:
        """Return its value in a query.

        Raises
        ------
        FaultError
            If it can't be one.
        """
        given = query.getlist(self.name)
        if self.many:
            return tuple(given)
        if not given:
            return self.default
        if len(given) > 1:
            raise self._fault("may be given only once")
        if self.kind is int:
            # No other form, such as '1_000', and no number that takes long to read.
            if not re.fullmatch(r"\d{1,16}", given[0], re.ASCII):
                raise self._fault(f"{quoted(given[0])} is not a whole number")
            if not self.least <= int(given[0]) <= self.most:
                raise self._fault(f"should be from {self.least} to {self.most}")
            return int(given[0])
        if self.kind is bool:
            if given[0] not in {"true", "false"}:
                raise self._fault(f"{quoted(given[0])} is neither true nor false")
            return given[0] == "true"
        return given[0]

    def _fault(self, what: str) -> FaultError:
        return FaultError(400, what, f"query: {self.name}", self.about)


@dataclass(frozen=True)
class Body:
    """The body of a request: its media types, and its type if it is JSON of ours."""

    media: tuple[str, ...]
    kind: Any = None


@dataclass
class Call:
    """A request to a route.

    Attributes
    ----------
    request
        The request.
    path
        The parameters in its path.
    query
        Those of its query; every parameter of the route is there.
    route
        The route.
    """

    request: Request
    path: dict[str, str]
    query: dict[str, Any]
    route: Route

    async def body(self) -> bytes:
        """Return the body.

        Raises
        ------
        FaultError
            If it is of another media type, too large, or too slow.
        """
        # Forms of other sites can't send these types without asking first.
        given = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        known = self.route.body.media if self.route.body else ()
        if given not in known:
            raise FaultError(
                415, f"{quoted(given)} is not supported", "header: Content-Type", " or ".join(known)
            )
        return await self.request.body()


@dataclass(frozen=True)
class Route:
    """A route of the API.

    Attributes
    ----------
    method, path
        The method, and the path with its parameters: ``/v1/subjects/{subject}``.
    summary
        What it does, in a line.
    handler
        Answers a call; its name is the operation's.
    answer
        The type of its JSON; None if the answer is something else.
    query
        The parameters of its query.
    media
        The media type of the answer.
    faults
        The statuses of errors that it may answer with, besides those of every route.
    public
        Whether anybody may use it, from anywhere, without a key.
    body
        The body of its requests.
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[Response]]
    answer: Any = None
    query: tuple[Parameter, ...] = ()
    media: str = "application/json"
    faults: tuple[int, ...] = ()
    public: bool = field(default=False, kw_only=True)
    body: Body | None = field(default=None, kw_only=True)

    @property
    def name(self) -> str:
        """The name of the operation."""
        return getattr(self.handler, "__name__", "").replace("_", "-")

    async def endpoint(self, request: Request) -> Response:
        """Answer a request."""
        known = {each.name: each for each in self.query}
        for name in request.query_params:
            if name not in known:
                raise FaultError(
                    400,
                    f"there is no parameter {quoted(name)}{did_you_mean(name, known)}",
                    "query",
                    f"the parameters are {', '.join(known)}"
                    if known
                    else "this address takes none",
                )
        query = {name: each.value(request.query_params) for name, each in known.items()}
        return await self.handler(Call(request, dict(request.path_params), query, self))
