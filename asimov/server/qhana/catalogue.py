"""The QHAna plugins of a project: its pipelines that have a card, and plugins made by requests."""

from __future__ import annotations

from typing import Any, NamedTuple

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.journal.plugin_memory import RuntimePlugin, RuntimePlugins
from asimov.logs import logger
from asimov.pipeline.card.contents import Card, identifier, version_order
from asimov.pipeline.card.fields import DATA, PLUGIN
from asimov.plugins.calls import load_plugin
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.qhana.forms import form_fields
from asimov.settings.declaration import REQUIRED, extras
from asimov.settings.lookup import settings_of


class Plugin(NamedTuple):
    """A pipeline with a card."""

    pipeline: str
    card: Card

    @property
    def settings(self) -> type | None:
        """The settings class whose fields are those of the form."""
        return self.card.settings or settings_of(self.pipeline)

    def as_analysis(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return settings as an analysis has them: those of a function have a key of their own."""
        return {"settings": given} if self.card.settings else given


class Catalogue:
    """Finds plugins.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._journal: Database = workspace.journal
        #: The plugins, by identifier.
        self.own = {each.card.identifier: each for each in _loaded(workspace)}

    def listed(self, root: str) -> list[dict[str, Any]]:
        """Return the list of plugins, by name and version.

        Parameters
        ----------
        root
            The address of the service.
        """
        found = [_row(each, root) for each in self.own.values()]
        found += [_runtime_row(each) for each in self._runtime()]
        return sorted(found, key=lambda row: (row["name"], row["version"]))

    def plugin(self, identifier: str) -> Plugin:
        """Return a plugin.

        Raises
        ------
        FaultError
            If there is none.
        """
        if identifier not in self.own:
            raise _missing(identifier)
        return self.own[identifier]

    def address(self, name: str, root: str) -> str:
        """Return the address of a plugin by identifier, or of the newest by name.

        Raises
        ------
        FaultError
            If there is none.
        """
        rows = self.listed(root)
        found = [row for row in rows if name in {row["name"], row["identifier"]}]
        if not found:
            raise _missing(name)
        return str(max(found, key=lambda row: version_order(row["version"]))["apiRoot"])

    def _runtime(self) -> list[RuntimePlugin]:
        loaded = {*self.own, *(each.card.name for each in self.own.values())}
        return [each for each in RuntimePlugins(self._journal).all() if each.parent in loaded]


def _missing(name: str) -> FaultError:
    return FaultError(404, f"there is no plugin {name!r}", "address", "GET /plugins/")


def _loaded(workspace: Workspace) -> list[Plugin]:
    found = []
    for name in entrypoints.found(entrypoints.CARDS):
        try:
            card = load_plugin(workspace, entrypoints.CARDS, name)
        except AsimovError as error:
            logger().warning("the card of %s can't be loaded: %s", name, error)
            continue
        if isinstance(card, Card):
            found.append(Plugin(name, card))
        else:
            logger().warning("the card of %s is not an asimov.pipeline.card.Card", name)
    return found


def address_of(card: Card, root: str) -> str:
    """Return the address of a plugin, below that of the service."""
    return f"{root}/plugins/{card.identifier}/"


def _row(plugin: Plugin, root: str) -> dict[str, Any]:
    card = plugin.card
    return {
        "name": card.name,
        "version": card.version,
        "identifier": card.identifier,
        "apiRoot": address_of(card, root),
        "description": card.description,
        "tags": list(card.tags),
    }


def _runtime_row(plugin: RuntimePlugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "identifier": identifier(plugin.name, plugin.version),
        "apiRoot": plugin.href,
        "description": plugin.description,
        "tags": list(plugin.tags),
    }


def metadata(plugin: Plugin, root: str) -> dict[str, Any]:
    """Return what a plugin says of itself.

    Parameters
    ----------
    plugin
        The plugin.
    root
        The address of the service.
    """
    card = plugin.card
    address = address_of(card, root)
    inputs, plugins = _addresses(plugin.settings)
    return {
        "title": card.title or card.name,
        "description": card.description,
        "name": card.name,
        "version": card.version,
        "type": card.type,
        "tags": list(card.tags),
        "links": [
            {
                "type": each.type,
                "href": each.href if "://" in each.href else address + each.href.lstrip("/"),
            }
            for each in card.links
        ],
        "entryPoint": {
            # Relative ones would do, but the original's own check of addresses refuses them.
            "href": f"{address}process/",
            "uiHref": f"{address}ui/",
            "dataInput": inputs,
            "dataOutput": [
                {
                    "dataType": each.data_type,
                    "contentType": list(each.content_types),
                    "required": each.required,
                    "name": each.path,
                }
                for each in card.outputs
            ],
            "pluginDependencies": plugins,
        },
    }


def _addresses(settings: type | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the settings that are addresses of data, and of plugins."""
    data, plugins = [], []
    for each in form_fields(settings):
        said = extras(each.field.kind)
        common = {"parameter": each.name, "required": each.field.default is REQUIRED}
        if DATA in said:
            kinds = {"dataType": said[DATA]["type"], "contentType": said[DATA]["content"]}
            data.append({**common, **kinds})
        if PLUGIN in said:
            wanted = {key: value for key, value in said[PLUGIN].items() if value}
            plugins.append({**common, "tags": [], **wanted})
    return data, plugins
