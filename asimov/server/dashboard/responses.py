"""HTML responses: headers that limit what a browser may do with them, and error pages."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from asimov.report.links import Served
from asimov.report.rendering import page
from asimov.server.faults import TITLES, Fault
from asimov.server.responses import Content, matches, problem
from asimov.text import line

#: What browsers may do with a page: nothing but show it with files of this service, and ask it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
#: What HTML of a pipeline may do, in a frame of a page: look as it likes, and nothing else.
FRAMED = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def html_response(
    request: Request, body: str | Content, status: int = 200, policy: str = POLICY
) -> Response:
    """Return a page with its ETag; nothing but that if the browser has it already.

    Parameters
    ----------
    request
        The request.
    body
        The page.
    status
        The HTTP status.
    policy
        What browsers may do with it.
    """
    content = Content(body) if isinstance(body, str) else body
    headers = {"etag": content.tag, "content-security-policy": policy, "vary": "Accept, Cookie"}
    if status == 200 and matches(request.headers.get("if-none-match"), content.tag):
        return Response(status_code=304, headers=headers)
    return Response(content.data, status, headers, media_type="text/html")


def error_response(headers: Headers, path: str, fault: Fault, more: dict[str, str]) -> Response:
    """Return an error, as a page to a browser that asks for one, else as problem details.

    Parameters
    ----------
    headers
        Those of the request.
    path
        What it asks for.
    fault
        The error.
    more
        Further headers of the answer.
    """
    if "text/html" not in headers.get("accept", "") or path.startswith(("/v1/", "/api/")):
        return problem(fault, more)
    title = "Who are you?" if fault.status == 401 else TITLES.get(fault.status, "Error")
    text = page(
        "fault.html", Served(), "asimov", title=title, status=fault.status,
        detail=line(fault.what), hint=line(fault.hint or ""), newest="",
    )  # fmt: skip
    answer = Response(text, fault.status, media_type="text/html")
    answer.headers.update({**more, "content-security-policy": POLICY})
    return answer
