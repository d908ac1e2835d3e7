"""The rules of admission for some addresses: who may ask, how much, and how they are refused."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from asimov.server.admission.access import Access, Caller
from asimov.server.dashboard.responses import error_response
from asimov.server.faults import FaultError


class Policy:
    """The rules of our own API and pages; a protocol with other rules has a policy of its own.

    Attributes
    ----------
    largest
        The most bytes of a request's body.
    patience
        The seconds in which a body has to arrive.
    silence
        The seconds for which nothing of it may come.
    """

    largest = 10_000_000
    patience = 30.0
    silence = 30.0

    def covers(self, path: str) -> bool:
        """Return whether these rules are for a path."""
        return True

    async def admit(self, access: Access, scope: Scope, headers: Headers) -> Caller:
        """Return who asks.

        Raises
        ------
        FaultError
            If they may not.
        """
        return await access.admit(scope, headers)

    def refusal(self, error: FaultError, scope: Scope, headers: Headers) -> Response:
        """Return the answer to a request that is refused."""
        return error_response(headers, scope["path"], error.fault, error.headers)
