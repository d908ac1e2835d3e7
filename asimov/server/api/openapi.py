"""The OpenAPI document of the service, made from its routes and their types.

The format: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from asimov._version import __version__
from asimov.server.api import schemas
from asimov.server.api.route import Call, Parameter, Route
from asimov.server.faults import TITLES
from asimov.server.responses import json_response
from asimov.system.json_text import as_json

#: What any route may answer: a mistake in the query, another site, too much at once, no answer.
_ALWAYS = (400, 401, 403, 421, 429, 503, 504)
_KINDS = {str: "string", int: "integer", bool: "boolean"}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A name for this request: if it is sent again, it is not carried out again.",
    "schema": {"type": "string", "maxLength": 255},
}
_REFERENCE = "#/components/schemas/{name}"


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    routes
        The routes.
    """
    listed = list(routes)
    types = list({id(kind): kind for each in listed for kind in _types(each)}.values())
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    named = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        path = each.path.replace(":path}", "}")
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, named)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "asimov",
            "version": __version__,
            "description": "A project of asimov: its subjects, analyses, events and results.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types(route: Route) -> list[Any]:
    kinds = (schemas.Problem, route.answer, route.body.kind if route.body else None)
    return [each for each in kinds if each is not None]


def _operation(route: Route, named: dict[int, dict[str, Any]]) -> dict[str, Any]:
    schema = named[id(route.answer)] if route.answer is not None else {"type": "string"}
    answers: dict[str, Any] = {
        "200": {"description": route.summary, "content": {route.media: {"schema": schema}}}
    }
    problem = {"application/problem+json": {"schema": named[id(schemas.Problem)]}}
    for status in sorted({*_ALWAYS, *route.faults}):
        title = TITLES.get(status, "Range Not Satisfiable")
        answers[str(status)] = {"description": title, "content": problem}
    if 416 in route.faults:
        answers["206"] = {**answers["200"], "description": "The range that was asked for."}
        answers["416"] = {"description": "Range Not Satisfiable"}
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
              for name in re.findall(r"{(\w+)", route.path)),
            *map(_parameter, route.query),
            *([_IDEMPOTENCY] if route.body else []),
        ],
        "responses": answers,
    }  # fmt: skip
    if route.body:
        body = {"type": "string"} if route.body.kind is None else named[id(route.body.kind)]
        made["requestBody"] = {
            "required": True,
            "content": {media: {"schema": body} for media in route.body.media},
        }
    if not route.public:
        # From this machine, reading needs no key.
        made["security"] = [{"key": []}, *([] if route.body else [{}])]
    return made


def _parameter(each: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _KINDS[each.kind]}
    if each.kind is int:
        schema |= {"minimum": each.least, "maximum": each.most}
    if each.default not in {None, ""}:
        schema["default"] = each.default
    if each.many:
        schema = {"type": "array", "items": schema}
    return {"name": each.name, "in": "query", "description": each.about, "schema": schema}


async def openapi(call: Call) -> Response:
    """Return the document of this service."""
    return json_response(call.request, as_json(call.request.app.state.document))


ROUTES = [
    Route("GET", "/openapi.json", "Describe the API (OpenAPI 3.1).", openapi, dict[str, Any]),
]
