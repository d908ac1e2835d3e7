"""Responses: JSON with a tag of its content, files with ranges, and errors."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from functools import cached_property
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from asimov.server.faults import Fault, FaultError
from asimov.system.json_text import as_json

#: What browsers may do with an answer that is no page: nothing.
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
#: A part of the header ``Range``: from, to.
_RANGE = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)
#: The headers of every answer.
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


class Content:
    """The body of an answer, and what is found out about it once.

    Parameters
    ----------
    text
        The body.

    Attributes
    ----------
    data
        It, in UTF-8.
    """

    def __init__(self, text: str) -> None:
        self.data = text.encode()

    @cached_property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:32]}"'

    @cached_property
    def next(self) -> str | None:
        """What the next page comes after, if it is a page of a list."""
        from asimov.server.api.schemas import More

        return msgspec.json.decode(self.data, type=More).next


def json_response(
    request: Request, body: str | Content, links: dict[str, str] | None = None
) -> Response:
    """Return JSON with its ETag; nothing but that if the client has it already.

    Parameters
    ----------
    request
        The request.
    body
        The JSON.
    links
        The header ``Link``: addresses by relation.
    """
    content = Content(body) if isinstance(body, str) else body
    headers = {"etag": content.tag}
    if links:
        headers["link"] = ", ".join(f'<{href}>; rel="{rel}"' for rel, href in links.items())
    if matches(request.headers.get("if-none-match"), content.tag):
        return Response(status_code=304, headers=headers)
    return Response(content.data, headers=headers, media_type="application/json")


def matches(given: str | None, tag: str) -> bool:
    """Return whether a tag is among those of ``If-None-Match`` (RFC 9110, 13.1.2)."""
    if given is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in given.split(",")]
    return tag in tags or tags == ["*"]


def file_response(
    path: Path, *, media: str = "application/octet-stream", tag: str = ""
) -> Response:
    """Return a file, or a range of it, as something to save.

    Parameters
    ----------
    path
        The file.
    media
        Its media type.
    tag
        What changes with its content; by default its time and size.

    Raises
    ------
    FaultError
        If it can't be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise FaultError(404, f"can't be read: {error.strerror}", path.name) from error
    if not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
        raise FaultError(404, "is not a readable file", path.name)
    headers = {"etag": f'"{tag}"'} if tag else {}
    name = "".join(each if each.isprintable() else "_" for each in path.name)
    return _File(path, headers=headers, media_type=media, filename=name, stat_result=status)


class _File(FileResponse):
    """A file; a header ``Range`` that is none is as good as absent (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name != b"range" or _is_range(value.decode("latin-1"))
        ]
        await super().__call__({**scope, "headers": kept}, receive, send)


def _is_range(given: str) -> bool:
    unit, _, ranges = given.partition("=")
    parts = [_RANGE.fullmatch(each.strip()) for each in ranges.split(",")]
    return unit.strip().lower() == "bytes" and all(
        part is not None
        and any(part.groups())
        and not (part[1] and part[2] and int(part[1]) > int(part[2]))
        for part in parts
    )


def problem(fault: Fault, headers: dict[str, str] | None = None) -> Response:
    """Return an error (RFC 9457)."""
    more = {**HEADERS, **(headers or {})}
    if fault.status in {429, 503}:
        more.setdefault("retry-after", "2")
    return Response(
        as_json(fault.as_json()), fault.status, more, media_type="application/problem+json"
    )
