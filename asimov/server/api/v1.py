"""Our own API under ``/v1``: what it lets programs read."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response, StreamingResponse

from asimov.engine.selection import Selection
from asimov.server.api import schemas
from asimov.server.api.paging import Page
from asimov.server.api.route import Call, Parameter, Route
from asimov.server.faults import FaultError
from asimov.server.responses import Content, file_response, json_response
from asimov.system.moment import moment
from asimov.text import quoted

#: What a stream sends as the id of an event, or the event's number.
_PLACE = re.compile(r"(\d{1,16})(-[0-9a-f]{1,16})?", re.ASCII)
_PAGE = (
    Parameter(
        "limit", "the largest number of items to return", int, default=100, least=1, most=1000
    ),
    Parameter(
        "after",
        "`next` of the page before, or the item just before the first one to return",
        default="",
    ),
)
_SELECTION = (
    Parameter("name", "SUBJECT/NAME or SUBJECT; *, ? and [abc] are patterns", many=True),
    Parameter("state", "only in this state, as status shows it", many=True),
    Parameter("pipeline", "only with this pipeline", many=True),
    Parameter("label", "only with this label, or with this value of it: quality >= 3", many=True),
    Parameter("since", "only if changed since then: 2d, 3h, yesterday, or an ISO time"),
    Parameter("outdated", "only if out of date", bool, default=False),
)
_OF_EVENTS = (
    Parameter("analysis", "as `name` of /v1/analyses, as they are now", many=True),
    *_SELECTION[1:],
)
_EVENTS = (
    Parameter("subject", "only for this subject"),
    Parameter("name", "only for the analysis of this name"),
    Parameter("after", "only events after the one with this number", int),
)


def _page(call: Call) -> Page:
    return Page(call.query["limit"], call.query["after"])


def selection(query: dict[str, Any]) -> Selection:
    """Return the analyses that a query selects, as the commands' words and options do."""
    try:
        since = None if query["since"] is None else moment(query["since"])
    except ValueError as error:
        raise FaultError(400, str(error), "query: since") from error
    return Selection(
        query["name"], query["state"], query["pipeline"], query["label"], since, query["outdated"]
    )


def _list(call: Call, body: Content) -> Response:
    """Return a page of a list, with the address of the next one."""
    links = {}
    if body.next is not None:
        given = [each for each in call.request.query_params.multi_items() if each[0] != "after"]
        query = urlencode([*given, ("after", body.next)])
        links["next"] = f"{quote(call.request.url.path)}?{query}"
    return json_response(call.request, body, links)


async def _ask(call: Call, name: str, *arguments: Any) -> Any:
    return await call.request.app.state.backend.ask(name, *arguments)


async def _content(call: Call, name: str, *arguments: Any) -> Content:
    """Return the answer to a question, which is kept while nothing has changed."""
    found: Content = await call.request.app.state.backend.content(name, *arguments)
    return found


async def subjects(call: Call) -> Response:
    """List subjects."""
    return _list(call, await _content(call, "subjects", _page(call)))


async def subject(call: Call) -> Response:
    """Show a subject."""
    return json_response(call.request, await _content(call, "subject", call.path["subject"]))


async def analyses(call: Call) -> Response:
    """List analyses."""
    return _list(call, await _content(call, "analyses", selection(call.query), _page(call)))


async def analysis(call: Call) -> Response:
    """Show an analysis."""
    return json_response(call.request, await _ask(call, "analysis", *_names(call)))


async def why(call: Call) -> Response:
    """Explain the state of an analysis."""
    return json_response(call.request, await _ask(call, "why", *_names(call)))


async def outputs(call: Call) -> Response:
    """List what the jobs of an analysis wrote."""
    found = await _ask(call, "outputs", *_names(call), call.query["lines"])
    return json_response(call.request, found)


async def output(call: Call) -> Response:
    """Return what a job wrote, or a range of it."""
    path = await _ask(call, "output_file", *_names(call), call.path["file"])
    return file_response(path, media="text/plain; charset=utf-8")


async def results(call: Call) -> Response:
    """List the stored results of an analysis."""
    return json_response(call.request, await _ask(call, "results", *_names(call)))


async def result(call: Call) -> Response:
    """Return a stored result, or a range of it."""
    path, tag = await _ask(call, "result_file", *_names(call), call.path["file"])
    return file_response(path, tag=tag)


async def question(call: Call) -> Response:
    """Show what an analysis asks."""
    return json_response(call.request, await _ask(call, "question", *_names(call)))


async def questions(call: Call) -> Response:
    """List the open questions of analyses."""
    return json_response(call.request, await _content(call, "questions"))


async def monitor(call: Call) -> Response:
    """Say whether a monitor is running."""
    return json_response(call.request, await _content(call, "monitor"))


async def usage(call: Call) -> Response:
    """List what ended jobs used."""
    return json_response(call.request, await _content(call, "usage", selection(call.query)))


async def requests(call: Call) -> Response:
    """List the open requests to run analyses again."""
    return json_response(call.request, await _content(call, "requests", selection(call.query)))


async def reviews(call: Call) -> Response:
    """List reviews."""
    return json_response(call.request, await _content(call, "reviews", selection(call.query)))


async def graph(call: Call) -> Response:
    """Return the graph of the analyses."""
    return json_response(call.request, await _ask(call, "graph", call.query["subject"]))


async def events(call: Call) -> Response:
    """List events; without ``after``, the newest."""
    query = call.query
    found, newest = await _ask(
        call, "events", query["after"], query["limit"], query["subject"], query["name"],
        selection({**query, "name": query["analysis"]}),
    )  # fmt: skip
    from asimov.system.json_text import as_json

    items = [{"id": number, **event} for number, event in found]
    return json_response(call.request, as_json({"items": items, "newest": newest}))


async def event_stream(call: Call) -> Response:
    """Stream events as they happen."""
    from asimov.server.api.event_stream import Place, stream

    number = call.query["after"]
    after = None if number is None else Place(number)
    last = call.request.headers.get("last-event-id", "")
    if last:
        found = _PLACE.fullmatch(last)
        if not found:
            said = f"{quoted(last)} is neither the id nor the number of an event"
            raise FaultError(400, said, "header: Last-Event-ID")
        after = Place(int(found[1]), last if found[2] else "")
    state, request = call.request.app.state, call.request.state
    text = stream(
        state.feed, after, call.query["subject"], call.query["name"],
        partial(request.access.may_go_on, state.backend, request.caller),
    )  # fmt: skip
    return StreamingResponse(
        text, media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


def _names(call: Call) -> tuple[str, str]:
    return call.path["subject"], call.path["name"]


_ONE = "/v1/subjects/{subject}/analyses/{name}"
_LINES = Parameter("lines", "how many of the last lines to show", int, default=20, most=1000)

ROUTES = [
    Route("GET", "/v1/subjects", "List subjects.", subjects, schemas.Subjects, _PAGE),
    Route(
        "GET", "/v1/subjects/{subject}", "Show a subject.", subject, schemas.Subject, faults=(404,)
    ),
    Route(
        "GET", "/v1/analyses", "List analyses, as 'asimov status' does.", analyses,
        schemas.Analyses, (*_SELECTION, *_PAGE),
    ),
    Route(
        "GET", _ONE, "Show an analysis: state, attempts, usage, products, settings, origins.",
        analysis, schemas.Analysis, faults=(404,),
    ),
    Route(
        "GET", f"{_ONE}/why", "Explain the state of an analysis, as 'asimov why' does.", why,
        schemas.Explanation, faults=(404,),
    ),
    Route(
        "GET", f"{_ONE}/question", "Show an analysis's question, as 'asimov answer' does.",
        question, schemas.Question, faults=(404,),
    ),
    Route(
        "GET", "/v1/questions", "List the open questions of analyses.", questions,
        schemas.QuestionList,
    ),
    Route("GET", "/v1/monitor", "Say whether a monitor is running.", monitor, schemas.Monitor),
    Route(
        "GET", "/v1/usage", "List the resources that ended jobs used.", usage, schemas.UsageList,
        _SELECTION,
    ),
    Route(
        "GET", "/v1/requests", "List the open requests to run analyses again.", requests,
        schemas.Requests, _SELECTION,
    ),
    Route("GET", "/v1/reviews", "List the reviews of analyses.", reviews, schemas.Reviews,
          _SELECTION),
    Route(
        "GET", f"{_ONE}/logs", "List what the jobs of an analysis wrote, with the ends of files.",
        outputs, schemas.Outputs, (_LINES,), faults=(404,),
    ),
    Route(
        "GET", f"{_ONE}/logs/{{file:path}}", "Return what a job wrote, or a range of it.", output,
        media="text/plain", faults=(404, 416),
    ),
    Route(
        "GET", f"{_ONE}/results", "List the stored results of an analysis.", results,
        schemas.Results, faults=(404,),
    ),
    Route(
        "GET", f"{_ONE}/results/{{file:path}}", "Return a stored result, or a range of it.",
        result, media="application/octet-stream", faults=(404, 409, 416),
    ),
    Route(
        "GET", "/v1/graph", "Return the graph of the analyses.", graph, schemas.Graph,
        (Parameter("subject", "only this subject, and what is connected with it"),),
        faults=(404,),
    ),
    Route("GET", "/v1/events", "List events, the oldest first.", events, schemas.Events,
          (*_EVENTS, *_OF_EVENTS, _PAGE[0])),
    Route(
        "GET", "/v1/events/stream",
        "Stream events as they happen; the header Last-Event-ID resumes a stream.", event_stream,
        query=_EVENTS, media="text/event-stream",
    ),
]  # fmt: skip
