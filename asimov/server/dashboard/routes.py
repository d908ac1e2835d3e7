"""The addresses of the dashboard's pages, and of the files that they need."""

from __future__ import annotations

from starlette.responses import FileResponse, Response

from asimov.report.overview import Query
from asimov.report.rendering import FOLDER
from asimov.server.api.route import Call, Parameter, Route
from asimov.server.dashboard.responses import FRAMED, html_response
from asimov.server.dashboard.sessions import COOKIE, LASTS
from asimov.server.processes.backend import Backend

#: The files that pages need, with their media types.
ASSETS = {
    "style.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
#: What a picture may do: nothing; an SVG file might contain a script.
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def _backend(call: Call) -> Backend:
    backend: Backend = call.request.app.state.backend
    return backend


def _names(call: Call) -> tuple[str, str]:
    return call.path["subject"], call.path["name"]


async def overview(call: Call) -> Response:
    """Show totals, what needs a person, and the list of analyses."""
    return html_response(call.request, await _backend(call).page("overview", Query(**call.query)))


async def analysis(call: Call) -> Response:
    """Show an analysis."""
    return html_response(call.request, await _backend(call).show("analysis", *_names(call)))


async def why(call: Call) -> Response:
    """Explain its state, as a part of its page: that asks the scheduler, and may take long."""
    import msgspec

    found = msgspec.json.decode(await _backend(call).ask("why", *_names(call)))
    return html_response(call.request, await _backend(call).show("why", found))


async def own(call: Call) -> Response:
    """Show what its pipeline has to show, for a frame of its page."""
    import msgspec

    found = msgspec.json.decode(await _backend(call).ask("own", *_names(call)))
    return html_response(call.request, await _backend(call).show("own", found), policy=FRAMED)


async def log(call: Call) -> Response:
    """Show what a job writes."""
    shown = await _backend(call).show("log", *_names(call), call.path["file"])
    return html_response(call.request, shown)


async def product(call: Call) -> Response:
    """Show a stored file."""
    shown = await _backend(call).show("product", *_names(call), call.path["file"])
    return html_response(call.request, shown)


async def picture(call: Call) -> Response:
    """Return a stored picture."""
    path, media = await _backend(call).show("picture", *_names(call), call.path["file"])
    return FileResponse(path, media_type=media, headers={"content-security-policy": _PICTURE})


async def changes(call: Call) -> Response:
    """Show what happened, the newest first."""
    return html_response(call.request, await _backend(call).page("changes", call.query["before"]))


async def graph(call: Call) -> Response:
    """Show what needs what."""
    import msgspec

    subject = call.query["subject"]
    found = msgspec.json.decode(await _backend(call).ask("graph", subject or None))
    return html_response(call.request, await _backend(call).show("graph", found, subject))


async def key(call: Call) -> Response:
    """Let a browser that shows its key read without it from now on; see `sessions`."""
    name = call.request.state.caller.key
    answer = Response(status_code=204, headers={"cache-control": "no-store"})
    if name:
        secure = "https" in {call.request.url.scheme, call.request.headers.get("x-forwarded-proto")}
        answer.set_cookie(
            COOKIE, call.request.state.access.sessions.open(name), max_age=int(LASTS), path="/",
            secure=secure, httponly=True, samesite="strict",
        )  # fmt: skip
    return answer


async def asset(call: Call) -> Response:
    """Return a file that pages need; it is the same for everybody."""
    name = call.request.url.path.rpartition("/")[2]
    return FileResponse(FOLDER / name, media_type=ASSETS[name])


_ONE = "/analyses/{subject}/{name}"
_OVERVIEW = (
    Parameter("q", "words that filter, as in 'asimov top'", default=""),
    Parameter("state", "only in this state", default=""),
    Parameter("pipeline", "only with this pipeline", default=""),
    Parameter("subject", "only of this subject", default=""),
    Parameter("since", "only if changed since then", default=""),
    Parameter("outdated", "only if out of date", bool, default=False),
    Parameter("sort", "urgency, newest or name", default=""),
    Parameter("page", "the page of the list", int, default=1, least=1, most=1_000_000),
)

#: The pages. They are no part of the API, so the OpenAPI document does not list them.
PAGES = [
    Route("GET", "/", "Show all analyses.", overview, query=_OVERVIEW),
    Route("GET", _ONE, "Show an analysis.", analysis),
    Route("GET", f"{_ONE}/why", "Explain its state.", why),
    Route("GET", f"{_ONE}/own", "Show what its pipeline has to show.", own),
    Route("GET", f"{_ONE}/logs/{{file:path}}", "Show what a job writes.", log),
    Route("GET", f"{_ONE}/products/{{file:path}}", "Show a stored file.", product),
    Route("GET", f"{_ONE}/pictures/{{file:path}}", "Return a stored picture.", picture),
    Route(
        "GET", "/changes", "Show what happened.", changes,
        query=(Parameter("before", "only events before the one of this number", int),),
    ),
    Route(
        "GET", "/graph", "Show what needs what.", graph,
        query=(Parameter("subject", "only this subject", default=""),),
    ),
    Route("GET", "/key", "Let a browser read.", key),
    *(Route("GET", f"/assets/{each}", "Return a file.", asset, public=True) for each in ASSETS),
]  # fmt: skip
