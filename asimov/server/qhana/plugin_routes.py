"""The helper process in which plugins answer their own routes; a slow one delays only these."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from asimov.engine.notifications.calls import registry_call
from asimov.errors import AsimovError
from asimov.journal.deliveries import Deliveries
from asimov.journal.plugin_memory import RuntimePlugins, settle
from asimov.pipeline.card.contents import Card
from asimov.pipeline.card.visits import Memory, Reply, Route, Visit, blob_files
from asimov.plugins.calls import call_plugin
from asimov.plugins.crashes import Call
from asimov.plugins.output import captured
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.processes.answering import serve_questions
from asimov.server.qhana.catalogue import Catalogue, address_of
from asimov.server.qhana.messages import PluginRequest, PluginResponse

#: The seconds that a route has.
_LIMIT = 30.0
#: The most bytes of an answer: the service holds them in memory.
_MOST = 100_000_000
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\x20-\x7e]*")
#: What the service says itself.
_OURS = {"connection", "content-length", "content-type", "date", "transfer-encoding", "upgrade"}


def main(folder: str) -> None:
    """Answer by the methods of `PluginRoutes`; `folder` is the project's."""
    serve_questions(folder, PluginRoutes, acts=True)


class PluginRoutes:
    """Has plugins answer.

    Parameters
    ----------
    folder
        The project's.
    """

    def __init__(self, folder: Path) -> None:
        self._workspace = Workspace.open(folder)
        self._files = blob_files(self._workspace.project.root)
        settle(self._workspace.journal, self._files)
        with captured():
            self._catalogue = Catalogue(self._workspace)

    def answer(self, name: str, request: PluginRequest) -> PluginResponse:
        """Return what a plugin answers to a request.

        Parameters
        ----------
        name
            The identifier of the plugin.
        request
            The request.
        """
        plugin = self._catalogue.plugin(name)
        route, parts = _route(plugin.card, request)
        visit = self._visit(plugin.card, request, parts)
        call = Call.of_plugin(plugin.pipeline, f"route {route.path}")
        try:
            with captured():
                answer = call_plugin(
                    self._workspace, call, lambda: _response(route.answer(visit)), seconds=_LIMIT
                )
        except AsimovError as error:
            # A plugin's fault, not one of the service: its log has the traceback.
            raise FaultError(502, error.message, "the plugin", error.hint) from error
        assert isinstance(answer, PluginResponse)
        return answer

    def _visit(self, card: Card, request: PluginRequest, parts: dict[str, str]) -> Visit:
        journal = self._workspace.journal
        self._workspace.catch_up()
        registry = self._workspace.project.config.get("qhana", "registry", fallback="")

        def announce(href: str) -> None:
            if registry:
                Deliveries(journal).add([registry_call(registry, href)])

        return Visit(
            request.method,
            request.rest,
            request.query,
            request.form,
            request.body,
            address_of(card, request.root),
            Memory(journal, card.name, self._files),
            RuntimePlugins(journal, card.identifier, [card.name], announce),
            parts,
        )


def _route(card: Card, request: PluginRequest) -> tuple[Route, dict[str, str]]:
    """Return the route that a request is for, and what its parameters stand for."""
    other: set[str] = set()
    for route in card.routes:
        pieces = re.split(r"\{(\w+)\}", route.path.strip("/"))
        pattern = "".join(
            f"(?P<{each}>[^/]+)" if n % 2 else re.escape(each) for n, each in enumerate(pieces)
        )
        found = re.fullmatch(pattern, request.rest.strip("/"))
        if found is None:
            continue
        methods = {each.upper() for each in route.methods}
        if request.method in methods or (request.method == "HEAD" and "GET" in methods):
            return route, found.groupdict()
        other |= methods
    if other:
        allow = {"allow": ", ".join(sorted(other))}
        raise FaultError(405, f"this address does not support {request.method}", headers=allow)
    raise FaultError(404, f"the plugin has nothing at {request.rest!r}", "address")


def _response(answer: Any) -> PluginResponse:
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    body, media = reply.content
    if len(body) > _MOST:
        raise ValueError(f"an answer may have {_MOST} bytes")
    headers = {str(name): str(value) for name, value in reply.headers.items()}
    for name, value in {"content": media, **headers}.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError("a header has characters that it can't have")
    headers = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    status = int(reply.status)
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of an answer")
    return PluginResponse(status, b"" if status in {204, 304} else body, media, headers)
