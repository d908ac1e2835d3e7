"""Add entry points for the length of a block, without installing a package."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from asimov.discovery import entrypoints
from asimov.plugins import methods
from asimov.scheduler import Scheduler
from asimov.settings import lookup

#: Holds objects that an entry point can't import by name.
REGISTERED = SimpleNamespace()
_numbers = itertools.count(1)


@contextmanager
def entry_points(added: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Make plugins available within the block as if an installed package published them.

    They take precedence over installed entry points of the same name.

    Parameters
    ----------
    added
        The plugins by group and name: ``{"asimov.pipelines": {"mine": MyPipeline}}``. A string is
        the value of an entry point, ``package.module:name``, and is imported on use.
    """
    names: list[str] = []
    points = {
        group: [_point(group, name, plugin, names) for name, plugin in of_group.items()]
        for group, of_group in added.items()
    }
    module: Any = entrypoints
    before = module.installed

    def found(group: str) -> list[EntryPoint]:
        return [*points.get(group, ()), *before(group)]

    module.installed = found
    forget()
    try:
        yield
    finally:
        module.installed = before
        for name in names:
            delattr(REGISTERED, name)
        forget()


class SchedulerPlugin:
    """Stands in for a scheduler class where a test has a single object.

    Parameters
    ----------
    scheduler
        The object that every project with this scheduler uses.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def from_project(self, root: Path, config: ConfigParser) -> Scheduler:
        """Return the scheduler object."""
        return self.scheduler


def forget() -> None:
    """Clear the caches of plugins that were found and loaded."""
    entrypoints._installed.cache_clear()
    entrypoints.found.cache_clear()
    entrypoints.load.cache_clear()
    methods._imported.clear()
    lookup.GIVEN_UP.clear()


def _point(group: str, name: str, plugin: Any, names: list[str]) -> EntryPoint:
    if isinstance(plugin, str):
        return EntryPoint(name, plugin, group)
    names.append(f"plugin_{next(_numbers)}")
    setattr(REGISTERED, names[-1], plugin)
    return EntryPoint(name, f"{__name__}:REGISTERED.{names[-1]}", group)
