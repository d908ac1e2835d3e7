"""Names of `asimov.pipelines`: every installed pipeline by name, and the class `Bilby`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asimov.discovery import entrypoints


class _KnownPipelines(Mapping[str, Any]):
    """The installed pipelines by name; each is loaded when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        if not entrypoints.is_known(entrypoints.PIPELINES, name):
            raise KeyError(name)
        return entrypoints.load(entrypoints.PIPELINES, name)

    def __iter__(self) -> Iterator[str]:
        return iter(entrypoints.found(entrypoints.PIPELINES))

    def __len__(self) -> int:
        return len(entrypoints.found(entrypoints.PIPELINES))


known_pipelines = _KnownPipelines()


def __getattr__(name: str) -> Any:
    """Return the class published as the pipeline ``bilby``, which bilby_tgr derives from.

    Raises
    ------
    ImportError
        If no such package is installed, or it can't be loaded.
    """
    if name != "Bilby":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return entrypoints.load(entrypoints.PIPELINES, "bilby")
    except entrypoints.PluginError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise ImportError(f"asimov.pipelines.Bilby: {error}{hint}") from error
