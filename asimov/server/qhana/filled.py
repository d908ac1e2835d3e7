"""Read a form that came in a request."""

from __future__ import annotations

from email import message_from_bytes, policy
from urllib.parse import parse_qsl

from starlette.requests import Request

from asimov.server.faults import FaultError

#: The media types of forms.
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
#: The most fields of a form.
_MOST = 1000


async def filled_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form with their values.

    Raises
    ------
    FaultError
        If the body is no form.
    """
    body = await request.body()
    media = request.headers.get("content-type", "")
    kind = media.partition(";")[0].strip().lower()
    if kind == FORMS[0]:
        pairs = _of_parts(media, body)
    elif kind == FORMS[1] or not body:
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, max_num_fields=_MOST, errors="strict"
            )
        except ValueError as error:
            raise FaultError(422, f"the form can't be read: {error}", "body") from error
    else:
        raise FaultError(415, "a form is wanted", "header: Content-Type", " or ".join(FORMS))
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _of_parts(media: str, body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form with parts (RFC 7578)."""
    try:
        head = f"Content-Type: {media}\r\n\r\n".encode("latin-1")
        message = message_from_bytes(head + body, policy=policy.HTTP)
        pairs = []
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                pairs.append((name, content.decode()))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FaultError(422, "the form can't be read", "body") from error
    return pairs[:_MOST]
