"""The pipelines that ship with asimov, found by entry points like anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from asimov import entrypoints
from asimov.compat import elsewhere


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


if not TYPE_CHECKING:  # so that names which are not there are still seen by type checkers
    __getattr__ = elsewhere.names_of(__name__)
