"""Find a registered function as a pipeline: the entry point that asimov takes for its name."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from asimov.pipelines.function.catalogue import broken, every, named, sources

from asimov.discovery.entrypoints import PIPELINES
from asimov.errors import AsimovError
from asimov.project import current


class Functions:
    """Finds the functions of the open project; see `asimov.discovery.extensions.FINDERS`."""

    def find(self, name: str) -> Any:
        """Return the entry point of the pipeline that calls a function, or None."""
        root = _root()
        if not sources(root):
            return None
        try:
            found = named(name, root)
        except AsimovError:  # two of that name, or perhaps one: the pipeline says so
            return _Point(name)
        return _Point(found.name) if found else None

    def names(self) -> list[str]:
        """Return the names of all functions."""
        found: set[str] = {each.name for each in every(_root())}
        return sorted(found)

    def faults(self) -> list[str]:
        """Return a line for each module that can't be searched."""
        return list(broken(_root()))


FUNCTIONS = Functions()


class _Point:
    """An entry point that loads the pipeline's class for one function."""

    value = "asimov.pipelines.function.pipeline:Function"
    group = PIPELINES
    dist = None

    def __init__(self, name: str) -> None:
        self.name = name

    def load(self) -> Any:
        """Return a class that knows its function's name."""
        general = EntryPoint("function", self.value, self.group).load()
        return type("Function", (general,), {"name": self.name, "registered": self.name})


def _root() -> Path:
    """Return the open project's folder; without a project only packages have functions."""
    opened = current.workspace()
    return Path(sys.prefix) if opened is None else opened.project.root
