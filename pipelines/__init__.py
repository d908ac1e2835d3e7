"""The pipelines that ship with asimov, found by entry points like anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asimov import plugins


class _KnownPipelines(Mapping[str, Any]):
    """The installed pipelines by name; each is loaded when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        if not plugins.is_known(plugins.PIPELINES, name):
            raise KeyError(name)
        return plugins.load(plugins.PIPELINES, name)

    def __iter__(self) -> Iterator[str]:
        return iter(plugins.found(plugins.PIPELINES))

    def __len__(self) -> int:
        return len(plugins.found(plugins.PIPELINES))


known_pipelines = _KnownPipelines()
