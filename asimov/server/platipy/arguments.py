"""Read the arguments of a PlatiPy request from its query, form and headers, or refuse them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from asimov.server.faults import Fault, FaultError
from asimov.server.platipy.multipart import Upload, read_form
from asimov.text import line, quoted

#: How a fault of an argument is marked.
_ARGUMENT = "argument: "
_FORM = "application/x-www-form-urlencoded"
#: The most bytes of a form without a file.
_LARGEST = 10_000_000
#: Headers that every request has for reasons of its own.
_NOT_ARGUMENTS = ("host",)

T = TypeVar("T")


class Arguments:
    """What a call was given.

    Parameters
    ----------
    values
        The arguments by name.
    file
        The file that came along, as ``file_data``.
    """

    def __init__(self, values: dict[str, str], file: Upload | None = None) -> None:
        self._values = values
        self.file = file

    def text(self, name: str) -> str | None:
        """Return an argument; None if it is missing or empty."""
        return self._values.get(name) or None

    def needed(self, name: str, about: str) -> str:
        """Return an argument that may not be missing.

        Raises
        ------
        FaultError
            If it is.
        """
        value = self.text(name)
        if value is None:
            raise wrong(name, about)
        return value

    def choice(
        self, name: str, choices: Sequence[str], about: str, *, needed: bool = False
    ) -> str | None:
        """Return an argument that is one of some words.

        Raises
        ------
        FaultError
            If it is another, or missing and needed.
        """
        value = self._values.get(name)
        if value not in choices and (needed or value is not None):
            raise wrong(name, f"{about} It is one of {', '.join(choices)}.")
        return value

    def number(
        self, name: str, read: Callable[[str], T], least: T, most: T, about: str
    ) -> T | None:
        """Return an argument that is a number; None if it is missing.

        Raises
        ------
        FaultError
            If it is none, or out of its range.
        """
        given = self._values.get(name)
        if given is None:
            return None
        try:
            if not re.fullmatch(r"[-+.0-9e]{1,20}", given):
                raise ValueError
            value = read(given)
        except ValueError:
            raise wrong(name, f"{about} It can't be {quoted(given)}.") from None
        if not least <= value <= most:  # type: ignore[operator]
            raise wrong(name, f"{about} It is from {least} to {most}.")
        return value

    def json(self, name: str) -> Any:
        """Return an argument that is JSON; None if it is missing or empty.

        Raises
        ------
        FaultError
            If it is none.
        """
        given = self.text(name)
        if given is None:
            return None
        try:
            return msgspec.json.decode(given.encode())
        except (ValueError, RecursionError) as error:
            raise FaultError(400, f"{name} is not JSON: {line(str(error))}") from error


def wrong(name: str, about: str, status: int = 400) -> FaultError:
    """Return the error for an argument: its name, and what it should be."""
    return FaultError(status, about, f"{_ARGUMENT}{name}")


def error_data(fault: Fault) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON with which the protocol refuses a call."""
    what = line(fault.what)
    if fault.where and fault.where.startswith(_ARGUMENT):
        return fault.status, {"message": {fault.where.removeprefix(_ARGUMENT): what}}
    if fault.status in {401, 403, 429}:
        return fault.status, {"message": "; ".join(filter(None, (what, fault.hint)))}
    # What a blueprint would be refused with is a mistake in the arguments here.
    status = 400 if fault.status in {409, 422} else fault.status
    return status, {"Error": "; ".join(filter(None, (what, fault.hint)))}


async def arguments_of(request: Request, folder: Path | None = None) -> Arguments:
    """Return the arguments of a call; those of the query come first, then form, then headers.

    Parameters
    ----------
    request
        The request.
    folder
        Where its file goes as it comes; None if there should be none.

    Raises
    ------
    FaultError
        If they can't be read.
    """
    values = {name: value for name, value in request.headers.items() if name not in _NOT_ARGUMENTS}
    form: dict[str, str] = {}
    file = None
    media = request.headers.get("content-type", "")
    kind = media.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form, file = await read_form(request, media, folder)
    elif kind == _FORM:
        form = _decoded(await _body(request))
    return Arguments({**values, **form, **request.query_params}, file)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise FaultError(413, f"a form may have {_LARGEST} bytes")
    return body


def _decoded(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except ValueError as error:
        raise FaultError(400, f"the form can't be read: {error}") from error
    return dict(reversed(pairs))  # the first of a name counts
