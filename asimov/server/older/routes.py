"""The addresses of 0.8.0's API that read, and how they say that something is not there."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asimov.server.admission.policy import Policy
from asimov.server.faults import FaultError
from asimov.server.responses import json_response
from asimov.system.json_text import as_json

_BASE = "/api/v1"
_NO_SUBJECT, _NO_ANALYSIS = "Event not found", "Analysis not found"


class OlderPolicy(Policy):
    """The rules of admission: those of our own API, with errors in the older shape."""

    def covers(self, path: str) -> bool:
        """Return whether a path is of that API."""
        return path == _BASE or path.startswith(f"{_BASE}/")

    def refusal(self, error: FaultError, scope: Any, headers: Any) -> Response:
        """Return the answer to a request that is refused."""
        body = as_json({"error": error.fault.what})
        return Response(body, error.fault.status, error.headers, media_type="application/json")


async def health(request: Request) -> Response:
    """Say that the project can be read."""
    await request.app.state.backend.ask("overview")
    return _json(request, {"status": "ok", "version": "v1"})


async def subjects(request: Request) -> Response:
    """List subjects, with their analyses."""
    return _json(request, {"events": await _found(request)})


async def subject(request: Request) -> Response:
    """Show a subject."""
    return _json(request, {"event": await _one(request)})


async def analyses(request: Request) -> Response:
    """List the analyses of a subject."""
    found = []
    for each in (await _one(request))["productions"]:
        for name, data in each.items():
            found.append({name: {k: v for k, v in data.items() if k not in {"event", "name"}}})
    return _json(request, {"analyses": found})


async def analysis(request: Request) -> Response:
    """Show an analysis."""
    return _json(request, {"analysis": await _analysis(request)})


async def telemetry(request: Request) -> Response:
    """Say that there is no telemetry: jobs here report otherwise."""
    await _analysis(request)
    return _json(request, {"telemetry": []})


async def nothing(request: Request) -> Response:
    """Refuse everything else."""
    if request.method in {"GET", "HEAD"}:
        if not request.url.path.endswith("/events"):
            raise FaultError(404, "Resource not found")
        return RedirectResponse(f"{request.url.path}/", 308)
    raise FaultError(
        405, "use /v1 for changes: POST /v1/blueprints or /v1/actions",
        headers={"allow": "GET, HEAD"},
    )  # fmt: skip


async def _found(request: Request) -> list[dict[str, Any]]:
    name = request.path_params.get("subject")
    found: list[dict[str, Any]] = await request.app.state.backend.ask("older", name)
    return found


async def _one(request: Request) -> dict[str, Any]:
    for each in await _found(request):
        return each
    raise FaultError(404, _NO_SUBJECT)


async def _analysis(request: Request) -> dict[str, Any]:
    name = request.path_params["name"]
    for each in (await _one(request))["productions"]:
        if name in each:
            found: dict[str, Any] = each[name]
            return found
    raise FaultError(404, _NO_ANALYSIS)


def _json(request: Request, value: Any) -> Response:
    return json_response(request, as_json(value))


_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ROUTES = [
    Route(f"{_BASE}/health", health, methods=["GET"]),
    Route(f"{_BASE}/events/", subjects, methods=["GET"]),
    Route(f"{_BASE}/events/{{subject}}", subject, methods=["GET"]),
    Route(f"{_BASE}/events/{{subject}}/analyses", analyses, methods=["GET"]),
    Route(f"{_BASE}/analyses/{{subject}}/{{name}}", analysis, methods=["GET"]),
    Route(f"{_BASE}/analyses/{{subject}}/{{name}}/telemetry", telemetry, methods=["GET"]),
    Route(f"{_BASE}/{{rest:path}}", nothing, methods=_ALL),
]
#: The path that anybody may read.
HEALTH = f"{_BASE}/health"
