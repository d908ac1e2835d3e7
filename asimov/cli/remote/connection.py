"""Connect to the service that ``asimov --server`` names, and read its replies and errors."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import msgspec

from asimov._version import __version__
from asimov.cli.selection import Selection
from asimov.cli.terminal.output import warn
from asimov.errors import EXIT_UNREACHABLE, AsimovError
from asimov.server.api.options import as_options
from asimov.server.client import Client, ServiceError
from asimov.server.options import is_loopback
from asimov.system import clock

#: The variable with the key; the option ``--key-file`` names a file with it.
KEY = "ASIMOV_KEY"
#: How often a request without an answer is sent: the person waits.
_TRIES = 3

_Kind = TypeVar("_Kind")


def service() -> Client:
    """Return a client of the service that the command line names.

    Raises
    ------
    AsimovError
        If there is no such address, or the file with the key can't be used.
    """
    address, key = served_at(), _key(_given()["key_file"])
    made = Client(address, key, tries=_TRIES)
    parts = urlsplit(address)
    if key and parts.scheme == "http" and not is_loopback(str(parts.hostname)):
        warn(f"warning: the key is sent to {parts.hostname} as plain text; use https")
    return made


def _given() -> dict[str, Any]:
    """Return the options of ``asimov`` itself."""
    return click.get_current_context().find_root().params


def served_at() -> str:
    """Return the address that the command line names."""
    return str(_given()["server"])


def _key(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(KEY, "").strip() or None
    try:
        with file.open() as stream:
            mode = os.fstat(stream.fileno()).st_mode
            key = stream.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise AsimovError(f"the key can't be read: {why}", where=file) from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        raise AsimovError(
            "other users can read the key in this file", where=file, hint=f"chmod 600 {file}"
        )
    if not key.isascii() or len(key.split()) != 1:
        raise AsimovError("should contain a key and nothing else", where=file)
    return key


def filters(selection: Selection) -> dict[str, Any]:
    """Return the filters of a selection as the parameters of `Client.analyses`."""
    return {
        "state": selection.states,
        "pipeline": selection.pipelines,
        "label": selection.labels,
        "since": None if selection.since is None else clock.iso(selection.since),
        "outdated": selection.outdated or None,
    }


def understood(found: object, kind: type[_Kind]) -> _Kind:
    """Return what a service answered as an object of ours.

    Raises
    ------
    AsimovError
        If it is not what this version of asimov knows.
    """
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise AsimovError(
            f"can't understand the reply: {error}; {_versions()}",
            where=served_at(),
            hint="use the same version of asimov on both machines",
        ) from error


def _versions() -> str:
    try:
        theirs = service().version()
    except AsimovError:
        theirs = "unknown"
    return f"the service runs asimov {theirs}, and this is asimov {__version__}"


def explained(error: ServiceError) -> AsimovError:
    """Return an error of a service as one of the command line."""
    address = served_at()
    if error.status == 0:
        if error.hint is None:
            error.hint = "is 'asimov serve' running there?"
        error.exit_code = EXIT_UNREACHABLE
        return error
    if error.strange or error.where == "address":
        said = "no asimov service answers there" if error.strange else error.message
        return AsimovError(f"{said}; {_versions()}", where=address, hint=error.hint)
    if error.status in {401, 403} and "key" in error.message:
        hint = (
            f"give a key in {KEY} or with --key-file; "
            "'asimov manage key --add NAME' on the server creates one"
        )
        return AsimovError(error.message, where=address, hint=hint)
    where = str(error.where or "")
    ours = where.startswith(("query", "the body", "header"))
    said, theirs = as_options(error.message), error.hint
    return AsimovError(
        said, where=None if ours else error.where, hint=theirs and as_options(theirs)
    )
