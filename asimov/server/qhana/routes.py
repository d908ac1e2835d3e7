"""The routes of the QHAna protocol: plugins, tasks and files."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from configparser import ConfigParser
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from asimov.server.faults import FaultError
from asimov.server.qhana.backend import QhanaBackend
from asimov.server.qhana.messages import FormResult, PluginRequest, subscription
from asimov.server.qhana.submitted_form import FORMS, not_text, submitted_form
from asimov.server.responses import file_response

#: What a page with a form may do: be sent to this service.
_PAGES = {"content-security-policy": "default-src 'none'; form-action 'self'"}
#: What a page of a plugin may do, besides.
_OWN_PAGES = {
    "content-security-policy": "default-src 'none'; form-action 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'"
}
#: What stands for the whole where mistakes are told by field.
_WHOLE = "_schema"
_Endpoint = Callable[[Request], Awaitable[Response]]
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: The paths that the protocol uses, which its callers may read and write on this machine.
PATHS = ("/plugins", "/tasks", "/files")


def free(config: ConfigParser) -> tuple[tuple[str, ...], bool]:
    """Return the paths that need no key on this machine, and whether they need none elsewhere."""
    return PATHS, config.get("qhana", "open", fallback="").lower() in {"true", "yes", "1"}


def _backend(request: Request) -> QhanaBackend:
    backend: QhanaBackend = request.app.state.qhana
    return backend


async def plugins(request: Request) -> Response:
    """List the plugins."""
    backend = _backend(request)
    return JSONResponse(await backend.ask("plugins", backend.root(request)))


async def plugin(request: Request) -> Response:
    """Say what a plugin is, or lead to the newest version of that name."""
    backend = _backend(request)
    found = await backend.ask("plugin", request.path_params["plugin"], backend.root(request))
    return RedirectResponse(found, 302) if isinstance(found, str) else JSONResponse(found)


async def plugin_page(request: Request) -> Response:
    """Show the form of a plugin."""
    found = await _backend(request).ask("plugin_page", request.path_params["plugin"])
    return Response(found, media_type="text/html", headers=_PAGES)


def _by_field(answer: _Endpoint) -> _Endpoint:
    """Have what can't be processed told by field, as the mistakes of a form are."""

    @wraps(answer)
    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except FaultError as error:
            if error.fault.status != 422:
                raise
            where, _, field = (error.fault.where or "").partition(": ")
            if where != "query":
                where, field = "form", ""
            return unprocessable(where, {field or _WHOLE: [error.fault.what]})

    return told


@_by_field
async def process(request: Request) -> Response:
    """Start a task by the form of a plugin."""
    backend = _backend(request)
    webhook = _callback(request)
    result = await backend.act(
        "start",
        request.path_params["plugin"],
        await submitted_form(request),
        backend.root(request),
        webhook,
        request.state.caller.key,
    )
    backend.wake()
    return _to_task(request, result)


def _to_task(request: Request, result: FormResult) -> Response:
    if result.wrong:
        return unprocessable("form", result.wrong)
    return RedirectResponse(f"{_backend(request).root(request)}/tasks/{result.number}/", 303)


def unprocessable(where: str, wrong: Mapping[str, list[str]]) -> Response:
    """Return the answer that says what is wrong, by field."""
    body = {"code": 422, "status": "Unprocessable Entity", "errors": {where: dict(wrong)}}
    return JSONResponse(body, 422)


@_by_field
async def own_route(request: Request) -> Response:
    """Have a plugin answer a route of its own."""
    backend = _backend(request)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = await submitted_form(request) if media in FORMS else {}
    if wrong := not_text(form):
        return unprocessable("form", wrong)
    reply = await backend.answer_by_plugin(
        request.path_params["plugin"],
        PluginRequest(
            request.method,
            request.path_params["rest"],
            dict(request.query_params),
            {name: values[-1] for name, values in form.items()},
            await request.body(),
            backend.root(request),
        ),
    )
    backend.wake()
    return Response(
        reply.body, reply.status, {**_OWN_PAGES, **reply.headers}, media_type=reply.media
    )


async def task(request: Request) -> Response:
    """Show a task."""
    backend = _backend(request)
    return JSONResponse(await backend.ask("task", _number(request), backend.root(request)))


async def subscribe(request: Request) -> Response:
    """Subscribe a webhook to a task, or unsubscribe it."""
    backend = _backend(request)
    number = _number(request)
    await backend.ask("task", number, backend.root(request))  # 404 comes first
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError):
        return unprocessable("json", {_WHOLE: ["is not JSON"]})
    order, wrong = subscription(given, f"{backend.root(request)}/tasks/{number}/")
    if order is not None and (mistake := backend.wrong_webhook(order.webhook)):
        wrong = {"webhookHref": [mistake]}
    if order is None or wrong:
        return unprocessable("json", wrong)
    await backend.act("subscription", number, order)
    return await task(request)


@_by_field
async def step(request: Request) -> Response:
    """Answer a step of a task."""
    backend = _backend(request)
    result = await backend.act(
        "answer",
        _number(request),
        _number(request, "step"),
        await submitted_form(request),
        backend.root(request),
        _callback(request),
        request.state.caller.key,
    )
    backend.wake()
    return _to_task(request, result)


async def step_form(request: Request) -> Response:
    """Show the form of a step."""
    number = _number(request, "step")
    found = await _backend(request).ask("step_page", _number(request), number)
    return Response(found, media_type="text/html", headers=_PAGES)


async def called(request: Request) -> Response:
    """Take the call of a webhook: something happened to a task that one of ours waits for."""
    backend = _backend(request)
    await backend.act("called", _number(request), _number(request, "call"))
    backend.wake()
    return Response(status_code=204)


async def file(request: Request) -> Response:
    """Return a file of a task to whoever has its tag."""
    tag = request.query_params.get("file-id", "")
    if not tag:
        return unprocessable("query", {"file-id": ["Missing data for required field."]})
    path, media = await _backend(request).ask("file", _number(request), tag)
    return file_response(path, media=media)


def _number(request: Request, name: str = "task") -> int:
    given = request.path_params[name]
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise FaultError(404, f"there is no {name} {given!r}", "address")
    return int(given)


def _callback(request: Request) -> str | None:
    """Return the webhook that is to be subscribed, if one is given."""
    given: str | None = request.query_params.get("callback")
    if given is None:
        return None
    if wrong := _backend(request).wrong_webhook(given):
        raise FaultError(422, wrong, "query: callback")
    return given


def _routes() -> list[Any]:
    one, of_task = "/plugins/{plugin}/", "/tasks/{task}/"
    return [
        Route("/plugins/", plugins, name="qhana-plugins"),
        Route(one, plugin, name="qhana-plugin"),
        Route(f"{one}ui/", plugin_page, name="qhana-plugin-page"),
        Route(f"{one}process/", process, methods=["POST"], name="qhana-process"),
        Route(f"{one}{{rest:path}}", own_route, methods=_METHODS, name="qhana-own-route"),
        Route(of_task, task, name="qhana-task"),
        Route(of_task, subscribe, methods=["POST"], name="qhana-subscribe"),
        Route(f"{of_task}steps/{{step}}/", step, methods=["POST"], name="qhana-step"),
        Route(f"{of_task}steps/{{step}}/ui/", step_form, name="qhana-step-form"),
        Route(f"{of_task}calls/{{call}}/", called, methods=["POST"], name="qhana-called"),
        Route("/files/{task}/", file, name="qhana-file"),
    ]


ROUTES = _routes()
