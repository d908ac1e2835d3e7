"""The routes of PlatiPy's protocol: algorithms, datasets, data objects, triggers and states.

The status of a success is always 200, as in PlatiPy's own server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from asimov.server.faults import FaultError
from asimov.server.platipy.arguments import arguments_of, wrong
from asimov.server.platipy.names import header_name
from asimov.server.platipy.triggers import Triggers
from asimov.server.platipy.upload_places import UploadPlaces
from asimov.server.processes.backend import Backend
from asimov.system.json_text import as_json

#: The seconds in which outputs are listed before an answer is given without them.
_PATIENCE = 0.5
#: The most hours for which a dataset is kept, and how many unless the client says.
_LONGEST, _HOURS = 10_000_000.0, 24.0
#: The title of a DICOM application entity (PS3.5, value representation AE): 16 characters, no
#: control characters and no backslash, and not blanks alone.
_TITLE = re.compile(r"(?=.*[^ ])[ -\[\]-~]{1,16}")
_Endpoint = Callable[[Request], Awaitable[Response]]


async def get_algorithms(request: Request) -> Response:
    """List the algorithms."""
    found, known = await _ask(request, "algorithms")
    if not known:  # a module is new, or has changed
        listing = asyncio.ensure_future(_act(request, "algorithms"))
        try:
            found = await asyncio.wait_for(asyncio.shield(listing), None if not found else 0.5)
        except (asyncio.TimeoutError, FaultError):  # what changes something holds up no answer
            listing.add_done_callback(lambda done: done.cancelled() or done.exception())
            if not found:
                raise
    return _json(found)


async def get_locations(request: Request) -> Response:
    """List the DICOM locations."""
    return _json(await _ask(request, "locations"))


async def add_location(request: Request) -> Response:
    """Add a DICOM location."""
    given = await arguments_of(request)
    name = given.needed("name", "The name of the DICOM location.")
    host = given.needed("host", "The host name or address of the DICOM location.")
    about = "The port of the DICOM location."
    given.needed("port", about)
    port = given.number("port", int, 1, 65535, about)
    title = given.text("ae_title")
    if title is not None and not _TITLE.fullmatch(title):
        raise wrong("ae_title", "The title of its application entity: 1 to 16 ASCII characters.")
    return _json(await _act(request, "add_location", name, host, port, title))


async def get_datasets(request: Request) -> Response:
    """List the datasets."""
    return _json(await _ask(request, "datasets"))


async def add_dataset(request: Request) -> Response:
    """Add a dataset."""
    given = await arguments_of(request)
    hours = given.number(
        "timeout", float, 0.0, _LONGEST, "The hours for which the dataset's files are kept."
    )
    number = await _act(
        request, "add_dataset", given.text("from_dicom_location"),
        given.text("to_dicom_location"), _HOURS if hours is None else hours,
    )  # fmt: skip
    return _json(await _ask(request, "dataset", str(number)))


async def get_dataset(request: Request) -> Response:
    """Show a dataset."""
    return _json(await _ask(request, "dataset", request.path_params["number"]))


async def get_ready(request: Request) -> Response:
    """Say whether a dataset has all its data."""
    return _json(await _ask(request, "ready", request.path_params["number"]))


async def get_objects(request: Request) -> Response:
    """List the data objects."""
    return _json(await _ask(request, "objects"))


async def add_object(request: Request) -> Response:
    """Add a data object to a dataset: a file that comes along, or a DICOM series."""
    folder: Path = request.app.state.platipy.incoming
    places: UploadPlaces = request.app.state.platipy.places
    with places.taken(request.state.caller.key):
        given = await arguments_of(request, folder)
    upload = given.file.path if given.file else None
    try:
        dataset = given.needed("dataset", "The number of the dataset that gets the data object.")
        kind = given.choice(
            "type", ("DICOM", "FILE"), "DICOM for a series, FILE for a file that comes along.",
            needed=True,
        )  # fmt: skip
        retrieve = given.choice(
            "dicom_retrieve", ("MOVE", "GET", "SEND"), "How the DICOM series comes."
        )
        new = {
            "type": kind, "parent": given.text("parent"), "meta_data": given.json("meta_data"),
            "series": given.text("seriesUID"),
        }  # fmt: skip
        name = given.text("file_name") or ""
        if kind == "DICOM":
            if retrieve is None:
                raise wrong("dicom_retrieve", "A DICOM series needs MOVE, GET or SEND.")
            if new["series"] is None:
                raise wrong("seriesUID", "A DICOM object needs the UID of its series.")
            new["dicom_retrieve"] = retrieve
        elif upload is None and name:
            raise wrong("file_data", "A FILE comes along as file_data.")
        kept = upload if kind == "FILE" or retrieve == "SEND" else None
        if not name and (kind == "FILE" or kept is not None):
            raise wrong("file_name", "A FILE needs its name.")
        made = await _act(request, "add_object", dataset, new, kept, name)
        request.app.state.platipy.wake()
        return _json(made)
    finally:
        if upload is not None:
            upload.unlink(missing_ok=True)


async def get_object(request: Request) -> Response:
    """Show a data object."""
    return _json(await _ask(request, "object", request.path_params["number"]))


async def remove_object(request: Request) -> Response:
    """Remove a data object; it is no error if there is none."""
    await _act(request, "remove_object", request.path_params["number"])
    return _json(200)


async def download(request: Request) -> Response:
    """Return the file of a data object."""
    path = await _ask(request, "file", request.path_params["number"])
    # Clients take all that follows 'filename=' as the name.
    headers = {"content-disposition": f"attachment; filename={header_name(path.name)}"}
    return FileResponse(path, headers=headers, media_type="application/octet-stream")


async def trigger(request: Request) -> Response:
    """Call a function on a dataset."""
    given = await arguments_of(request)
    algorithm = given.needed("algorithm", "The name of the algorithm to run.")
    dataset = given.needed("dataset", "The number of the dataset to run it on.")
    config = given.json("config")
    if config is not None and not isinstance(config, dict):
        raise FaultError(400, "config should be a mapping")
    triggers: Triggers = request.app.state.platipy.triggers
    owner = request.state.caller.key
    uid = await triggers.add(owner, algorithm, dataset, config or None)
    return _json({"poll": f"/api/status/{uid}"})


async def get_status(request: Request) -> Response:
    """Show the state of a call."""
    return _json(await _ask(request, "status", request.path_params["uid"]))


# --- the helper processes


async def _ask(request: Request, question: str, *arguments: Any) -> Any:
    """Return an answer; outputs that are there but not listed yet are listed before."""
    backend: Backend = request.app.state.backend
    owner = request.state.caller.key
    answer, due = await backend.ask("platipy", owner, question, *arguments)
    if not due:
        return answer
    listing = asyncio.ensure_future(_act(request, "list_outputs", due))
    request.app.state.platipy.wake(listing)
    try:
        await asyncio.wait_for(asyncio.shield(listing), _PATIENCE)
    except (asyncio.TimeoutError, FaultError):  # what changes something holds up no answer
        listing.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer
    return (await backend.ask("platipy", owner, question, *arguments))[0]


async def _act(request: Request, what: str, *arguments: Any) -> Any:
    backend: Backend = request.app.state.backend
    return await backend.act("platipy", request.state.caller.key, what, *arguments)


def _json(value: Any) -> Response:
    return Response(as_json(value), media_type="application/json")


def _route(method: str, path: str, answer: _Endpoint) -> Route:
    return Route(path, answer, methods=[method], name=answer.__name__)


ROUTES = [
    _route("GET", "/api/algorithm", get_algorithms),
    _route("GET", "/api/dicomlocation", get_locations),
    _route("GET", "/api/dicomlocation/{number}", get_locations),
    _route("POST", "/api/dicomlocation", add_location),
    _route("GET", "/api/datasets", get_datasets),
    _route("POST", "/api/dataset", add_dataset),
    _route("GET", "/api/dataset/ready/{number}", get_ready),
    _route("GET", "/api/dataset/{number}", get_dataset),
    _route("GET", "/api/dataobjects", get_objects),
    _route("POST", "/api/dataobject", add_object),
    _route("GET", "/api/dataobject/download/{number}", download),
    _route("GET", "/api/dataobject/{number}", get_object),
    _route("DELETE", "/api/dataobject/{number}", remove_object),
    _route("POST", "/api/trigger", trigger),
    _route("GET", "/api/status/{uid}", get_status),
]
