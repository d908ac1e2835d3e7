"""Our own API under ``/v1``: what it lets programs change."""

from __future__ import annotations

import hashlib
import re

from starlette.responses import Response

from asimov.journal.answered_requests import Answer, Request
from asimov.server import shapes
from asimov.server.answers import HEADERS
from asimov.server.backend import Backend
from asimov.server.faults import FaultError
from asimov.server.orders import Action, Application
from asimov.server.routes import Body, Call, Parameter, Route

_YAML = ("application/yaml", "application/x-yaml", "text/yaml", "application/json")
_NAME = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")


async def apply_blueprints(call: Call) -> Response:
    """Add what blueprints describe to the ledger, or plan that."""
    data = await call.body()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FaultError(422, "is not UTF-8 text", "the body") from error
    query = call.query
    if query["iterate"] and query["update"]:
        raise FaultError(400, "iterate adds analyses and update changes them: use one", "query")
    order = Application(text=text, **query)
    backend: Backend = call.request.app.state.backend
    if order.dry_run:
        return _answer(await backend.ask("plan", order))
    return _answer(await backend.act("apply", _request(call, data), order))


async def act(call: Call) -> Response:
    """Restart, stop, cancel, set or review analyses."""
    import msgspec

    data = await call.body()
    try:
        action = msgspec.json.decode(data, type=Action)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise FaultError(422, what, f"the body: {where.strip('`') or '$'}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultError(400, f"is no JSON: {error}", "the body") from error
    if mistake := action.mistake():
        raise FaultError(422, mistake, "the body")
    backend: Backend = call.request.app.state.backend
    return _answer(await backend.act("act", _request(call, data), action))


def _request(call: Call, data: bytes) -> Request:
    """Return what identifies a request; without a name it is a new one each time."""
    given = call.request.headers.getlist("idempotency-key")
    if len(given) > 1 or (given and not _NAME.fullmatch(given[0])):
        raise FaultError(
            400, "is one name of up to 255 printable characters", "header: Idempotency-Key"
        )
    url = call.request.url
    asked = f"{call.request.method} {url.path}?{url.query}\n".encode() + data
    caller = call.request.state.caller.key
    return Request(caller, given[0] if given else "", hashlib.sha256(asked).hexdigest())


def _answer(answer: Answer) -> Response:
    media = "application/json" if answer.status < 400 else "application/problem+json"
    return Response(answer.body, answer.status, {**HEADERS}, media_type=media)


ROUTES = [
    Route(
        "POST", "/v1/blueprints", "Add what blueprints describe, as 'asimov apply' does.",
        apply_blueprints, shapes.Plan,
        (
            Parameter("subject", "the subject of analyses that name none"),
            Parameter("update", "also change existing entries", bool, default=False),
            Parameter("iterate", "where a name is taken, take the next free one", bool,
                      default=False),
            Parameter("dry_run", "only plan it; write nothing", bool, default=False),
            Parameter("replace", "like update, and remove keys that are gone", bool, default=False),
            Parameter("force", "accept names that look misspelt", bool, default=False),
            Parameter("reason", "why, for the history"),
        ),
        faults=(401, 409, 413, 415, 422), body=Body(_YAML),
    ),
    Route(
        "POST", "/v1/actions", "Restart, stop, cancel, set or review analyses.", act,
        shapes.Outcomes, faults=(401, 404, 409, 413, 415, 422),
        body=Body(("application/json",), Action),
    ),
]  # fmt: skip
