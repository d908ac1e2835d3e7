"""Who may use PlatiPy's protocol: every request needs an access key, in the header ``API_KEY``."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from asimov.server.admission.access import Access, Caller
from asimov.server.admission.policy import Policy
from asimov.server.faults import FaultError
from asimov.server.platipy.arguments import error_data
from asimov.server.responses import HEADERS
from asimov.system.json_text import as_json

#: The header. Upstream's server takes either spelling, and so do we.
_KEY = ("api_key", "api-key")
_PATHS = re.compile(
    r"/api/(algorithm|dataset|datasets|dataobject|dataobjects|dicomlocation|trigger|status)(/|$)"
)
#: The most bytes of an upload unless the project says otherwise.
LARGEST = 4_000_000_000


class PlatiPyPolicy(Policy):
    """The rules of admission of the protocol.

    Parameters
    ----------
    largest
        The most bytes of an upload.
    """

    patience = 3600.0

    def __init__(self, largest: int) -> None:
        self.largest = largest

    def covers(self, path: str) -> bool:
        """Return whether a path is of the protocol."""
        return _PATHS.match(path) is not None

    async def admit(self, access: Access, scope: Scope, headers: Headers) -> Caller:
        """Return who asks; reading is not counted, since clients ask once a second for a state.

        Raises
        ------
        FaultError
            If there is no valid key.
        """
        given = next((headers[each] for each in _KEY if each in headers), None)
        reading = scope["method"] in ("GET", "HEAD", "OPTIONS")
        return await access.of_key(scope, headers, given, "API_KEY", counted=not reading)

    def refusal(self, error: FaultError, scope: Scope, headers: Headers) -> Response:
        """Return the answer to a request that is refused, in the protocol's shape."""
        status, body = error_data(error.fault)
        more = {k: v for k, v in error.headers.items() if k != "www-authenticate"}
        if status == 503:
            more.setdefault("retry-after", "2")
        return Response(as_json(body), status, {**HEADERS, **more}, media_type="application/json")
