"""The form in the body of a request: its fields and their values."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from asimov.server.faults import FaultError

#: The media types of forms.
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
#: The most fields of a form.
_MOST = 1000


async def submitted_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form with their values.

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
        raise FaultError(415, "a form is wanted", "header: Content-Type", " or ".join(FORMS))
    found: dict[str, list[str]] = {}
    try:
        async with request.form(max_files=_MOST, max_fields=_MOST) as form:
            for name, value in form.multi_items():
                text = value if isinstance(value, str) else (await value.read()).decode()
                found.setdefault(name, []).append(text)
    except (HTTPException, UnicodeDecodeError) as error:
        why = error.detail if isinstance(error, HTTPException) else "it is not UTF-8"
        raise FaultError(422, f"the form can't be read: {why}", "body") from error
    return found
