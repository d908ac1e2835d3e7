"""The application: routes, middleware, and what starts and ends with the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from asimov import configuration
from asimov.project import layout
from asimov.server.admission.guard import Guard
from asimov.server.admission.policy import Policy
from asimov.server.api import health, openapi, v1, v1_changes
from asimov.server.api.event_stream import Feed
from asimov.server.dashboard.responses import error_response
from asimov.server.dashboard.routes import PAGES
from asimov.server.faults import TITLES, Fault, FaultError, bug
from asimov.server.older import routes as older
from asimov.server.options import Options
from asimov.server.platipy import routes as platipy
from asimov.server.platipy.policy import LARGEST, PlatiPyPolicy
from asimov.server.platipy.upkeep import Upkeep
from asimov.server.processes.backend import Backend
from asimov.server.qhana import routes as qhana
from asimov.server.qhana.backend import QhanaBackend

#: Every route of the API.
ROUTES = [*health.ROUTES, *openapi.ROUTES, *v1.ROUTES, *v1_changes.ROUTES]
#: The paths that anybody may read.
PUBLIC = frozenset(each.path for each in [*ROUTES, *PAGES] if each.public) | {older.HEALTH}


def application(options: Options) -> Starlette:
    """Return the application of a project.

    Parameters
    ----------
    options
        How the service listens, and the project.

    Raises
    ------
    AsimovError
        If there is no project, or a number among the service's options can't be one.
    """
    project = layout.find(options.root)
    largest = configuration.number(project.config, "service", "largest upload", LARGEST / 1e6)
    # Its process reads it too, but only once something is served.
    configuration.number(project.config, "platipy", "dicom port", 0)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.document = openapi.document(ROUTES)
        app.state.backend = backend = Backend(project.root, project.journal)
        app.state.feed = feed = Feed(backend, project.journal)
        app.state.qhana = tasks = QhanaBackend(project, options)
        tasks.begin()
        app.state.platipy = upkeep = Upkeep(project, backend)
        try:
            yield
        finally:
            await upkeep.end()
            await tasks.close()
            await feed.end()
            await backend.close()

    return Starlette(
        routes=[
            routing.Route(each.path, each.endpoint, methods=[each.method], name=each.name)
            for each in [*ROUTES, *PAGES]
        ]
        + platipy.ROUTES
        + older.ROUTES
        + qhana.ROUTES,
        middleware=[
            Middleware(
                Guard,
                options=options,
                public=PUBLIC,
                free=qhana.free(project.config),
                policies=[PlatiPyPolicy(int(largest * 1e6)), older.OlderPolicy()],
            )
        ],
        exception_handlers={
            FaultError: _fault,
            HTTPException: _other,
            Exception: _bug,
        },
        lifespan=lifespan,
    )


async def _fault(request: Request, error: Exception) -> Response:
    """Answer an error in the shape of what was asked: our own API, a page, or a protocol."""
    assert isinstance(error, FaultError)
    policy: Policy = request.state.policy
    return policy.refusal(error, request.scope, request.headers)


async def _other(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: an unknown path, another method."""
    assert isinstance(error, HTTPException)
    what = {
        404: "there is nothing at this address",
        405: f"this address does not support {request.method}",
    }.get(error.status_code, TITLES.get(error.status_code, "the request can't be answered"))
    hint = "GET /openapi.json lists all addresses" if error.status_code == 404 else None
    fault = Fault(error.status_code, what, "address", hint)
    return error_response(request.headers, request.url.path, fault, dict(error.headers or {}))


async def _bug(request: Request, error: Exception) -> Response:
    return error_response(request.headers, request.url.path, bug(error), {})
