"""Requests to a plugin's own routes: what a route gets, returns and keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.journal.plugin_memory import Blobs, RuntimePlugins, Values
from asimov.system.kept_files import KeptFiles

if TYPE_CHECKING:
    from asimov.journal.database import Database


class Memory:
    """What a plugin remembers: ``state``, small JSON values, and ``blobs``, bytes; by key.

    Both have ``get(key[, default])``, ``set(key, value)``, which returns the value before,
    ``delete(key)``, ``keys()`` and ``search(text)``, the keys that contain a text.

    Parameters
    ----------
    journal
        Where it is kept.
    plugin
        The name of the plugin.
    files
        Where large blobs are; see `blob_files`.
    """

    def __init__(self, journal: Database, plugin: str, files: KeptFiles) -> None:
        self.state = Values(journal, plugin)
        self.blobs = Blobs(journal, plugin, files)


def blob_files(root: Path) -> KeptFiles:
    """Return where a project has the large blobs of its plugins."""
    return KeptFiles(root / "uploads" / "blobs")


@dataclass(frozen=True)
class Reply:
    """An answer of a route.

    Parameters
    ----------
    body
        Text, bytes, or what JSON can hold.
    status
        The HTTP status.
    media
        The media type; by default HTML for text, JSON for what is neither text nor bytes.
    headers
        Further headers, such as ``Location``.
    """

    body: Any = ""
    status: int = 200
    media: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> tuple[bytes, str]:
        """The bytes to send, and their media type."""
        if isinstance(self.body, bytes):
            return self.body, self.media or "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), self.media or "text/html; charset=utf-8"
        return json.dumps(self.body).encode(), self.media or "application/json"


@dataclass
class Visit:
    """A request to a route of a plugin.

    Attributes
    ----------
    method
        ``GET``, ``POST``, ...
    path
        The path below the plugin's address, and `parts`, what its parameters stand for.
    query, form
        The parameters of the query, and the fields of a form; the last value of each.
    body
        The body.
    root
        The plugin's address, absolute, with ``/`` at its end.
    memory
        The plugin's state and blobs.
    plugins
        The plugins that were made at runtime; the plugin may add and remove its own.
    """

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes
    root: str
    memory: Memory
    plugins: RuntimePlugins
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Values:
        """The plugin's small values."""
        return self.memory.state

    @property
    def blobs(self) -> Blobs:
        """The plugin's blobs."""
        return self.memory.blobs


@dataclass(frozen=True)
class Route:
    """A route of a plugin.

    Parameters
    ----------
    path
        The path below the plugin's address, such as ``items/{name}/``.
    answer
        Takes a `Visit` and returns a `Reply`, or what its body is to be; it runs no work.
    methods
        The methods that it takes.
    """

    path: str
    answer: Callable[[Visit], Any]
    methods: tuple[str, ...] = ("GET",)
