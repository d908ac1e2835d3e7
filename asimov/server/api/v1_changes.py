"""Our own API under ``/v1``: what it lets programs change."""

from __future__ import annotations

import hashlib
import re
from typing import TypeVar

from starlette.responses import Response

from asimov.journal.answered_requests import Answer, Request
from asimov.server.api import schemas
from asimov.server.api.request_bodies import Action, Answers, ApplyRequest, Rerun
from asimov.server.api.route import Body, Call, Parameter, Route
from asimov.server.faults import FaultError
from asimov.server.processes.backend import Backend
from asimov.server.responses import HEADERS

_YAML = ("application/yaml", "application/x-yaml", "text/yaml", "application/json")
_Order = TypeVar("_Order", Action, Answers, Rerun)
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
        raise FaultError(
            400,
            "iterate and update can't be combined: one adds analyses, the other changes them",
            "query",
        )
    order = ApplyRequest(text=text, **query)
    return await _carried_out(call, data, "apply", order, rehearsal="plan")


async def act(call: Call) -> Response:
    """Restart, stop, cancel, set or review analyses."""
    data = await call.body()
    action = _decoded(data, Action)
    if mistake := action.mistake():
        raise FaultError(422, mistake, "the body")
    return await _carried_out(call, data, "act", action, rehearsal="rehearse")


async def rerun(call: Call) -> Response:
    """Run analyses again, or plan that."""
    data = await call.body()
    return await _carried_out(call, data, "rerun", _decoded(data, Rerun), rehearsal="rerun")


async def answer(call: Call) -> Response:
    """Answer what an analysis asks."""
    data = await call.body()
    given = _decoded(data, Answers).answers
    names = call.path["subject"], call.path["name"]
    backend: Backend = call.request.app.state.backend
    return _answer(await backend.act("answer", _request(call, data), *names, given))


async def _carried_out(
    call: Call, data: bytes, what: str, order: Action | ApplyRequest | Rerun, *, rehearsal: str
) -> Response:
    """Have the writer do what is asked for; the reader if it is only to be planned."""
    backend: Backend = call.request.app.state.backend
    if order.dry_run:
        return _answer(await backend.ask(rehearsal, order))
    return _answer(await backend.act(what, _request(call, data), order))


def _decoded(data: bytes, kind: type[_Order]) -> _Order:
    import msgspec

    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise FaultError(422, what, f"the body: {where.strip('`') or '$'}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultError(400, f"is not JSON: {error}", "the body") from error


def _request(call: Call, data: bytes) -> Request:
    """Return what identifies a request; without a name it is a new one each time."""
    given = call.request.headers.getlist("idempotency-key")
    if len(given) > 1 or (given and not _NAME.fullmatch(given[0])):
        raise FaultError(
            400, "should be one name of up to 255 printable characters", "header: Idempotency-Key"
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
        apply_blueprints, schemas.Plan,
        (
            Parameter("subject", "the subject for analyses that name none"),
            Parameter("name", "the name of the only analysis in them"),
            Parameter("update", "also change existing entries", bool, default=False),
            Parameter("iterate", "if a name is taken, use the next free one", bool,
                      default=False),
            Parameter("dry_run", "only plan it; write nothing", bool, default=False),
            Parameter("replace", "like update, and remove keys that are gone", bool, default=False),
            Parameter("force", "accept names that look misspelt", bool, default=False),
            Parameter("reason", "the reason, for the history"),
        ),
        faults=(401, 409, 413, 415, 422), body=Body(_YAML),
    ),
    Route(
        "POST", "/v1/actions",
        "Restart, stop, cancel, set or review analyses, or withdraw requests to rerun them.", act,
        schemas.Outcomes, faults=(401, 404, 409, 413, 415, 422),
        body=Body(("application/json",), Action),
    ),
    Route(
        "POST", "/v1/reruns", "Run analyses again, as 'asimov rerun' does.", rerun, schemas.Reruns,
        faults=(401, 404, 409, 413, 415, 422), body=Body(("application/json",), Rerun),
    ),
    Route(
        "POST", "/v1/subjects/{subject}/analyses/{name}/answer",
        "Answer an analysis's question, as 'asimov answer' does.", answer, schemas.Answered,
        faults=(401, 404, 409, 413, 415, 422), body=Body(("application/json",), Answers),
    ),
]  # fmt: skip
