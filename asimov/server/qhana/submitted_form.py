"""Read the HTML form in the body of a request: its fields and their values."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from asimov.server.faults import FaultError
from asimov.text import encodable

#: The media types of forms.
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
#: The most fields of a form.
_MOST = 1000


async def submitted_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form with their values.

    Bytes in a value that are not UTF-8 become lone surrogates, so that a check can name the field.

    Raises
    ------
    FaultError
        If the body is no form.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media not in FORMS:
        if not body:
            return {}
        raise FaultError(
            415, "the request should contain a form", "header: Content-Type", " or ".join(FORMS)
        )
    found: dict[str, list[str]] = {}
    if media == FORMS[1]:
        return _decoded(body)
    if not _ends(request.headers["content-type"], body):  # else parts of it would be ignored
        raise FaultError(422, "the form can't be read: it ends too early", "body")
    try:
        body.decode()  # else parts of it would be read as Latin-1
        async with request.form(max_files=_MOST, max_fields=_MOST) as form:
            for name, value in form.multi_items():
                text = value if isinstance(value, str) else (await value.read()).decode()
                found.setdefault(name, []).append(text)
    except (HTTPException, UnicodeDecodeError) as error:
        why = error.detail if isinstance(error, HTTPException) else "it is not UTF-8"
        raise FaultError(422, f"the form can't be read: {why}", "body") from error
    return found


def _ends(media: str, body: bytes) -> bool:
    """Return whether the end of a form is there, as its boundary marks it (RFC 2046, 5.1.1)."""
    from python_multipart.multipart import parse_options_header

    _, options = parse_options_header(media)
    return b"--" + options.get(b"boundary", b"") + b"--" in body


def not_text(form: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return what is wrong with a form, by field: bytes that are not UTF-8."""
    return {
        encodable(name): ["is not UTF-8"]
        for name, given in form.items()
        if not all(encodable(each) == each for each in (name, *given))
    }


def _decoded(body: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=_MOST,
        )
    except ValueError as error:
        raise FaultError(422, f"the form can't be read: {error}", "body") from error
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
