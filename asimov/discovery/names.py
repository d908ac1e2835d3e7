"""Modules and names that other packages add to asimov's own, found when somebody asks for one.

A package lists them under the entry-point group ``asimov.names``: on the left the full name, on the
right where it is found::

    [project.entry-points."asimov.names"]
    "asimov.event" = "my_package.event"
    "asimov.scheduler.Slurm" = "my_package.slurm:Slurm"

An added module is the module on the right under a second name, not a copy. Nothing that asimov has
itself is replaced. `asimov` adds the finder of modules; names are looked up in packages that say
``__getattr__ = names.added_to(__name__)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Nothing of asimov is imported here: `asimov` itself asks this module for its submodules.


def added_to(package: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package: its submodules, then names that others add to it.

    Parameters
    ----------
    package
        The package's full name.
    """

    def find(name: str) -> Any:
        full = f"{package}.{name}"
        if not name.startswith("__"):
            try:
                return import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:
                    raise
            if place := _place(full):
                from asimov.discovery.extensions import named

                return named(place)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def spec_of(name: str) -> ModuleSpec | None:
    """Return the import specification of a module that a package adds; None if none does.

    Parameters
    ----------
    name
        The module's full name, such as ``asimov.event``.
    """
    place = _place(name)
    if place is None or ":" in place:
        return None
    return ModuleSpec(name, _SecondName(place))  # type: ignore[arg-type]


class _SecondName:  # no `importlib.abc.Loader`: its module takes time to import
    """Load a module that is imported under its own name, and leave it unchanged."""

    def __init__(self, place: str) -> None:
        self._place = place

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._place)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has set the specification of the second name.
        module.__spec__ = self._own


def _place(name: str) -> str | None:
    from asimov.discovery.extensions import NAMES, points

    return next((each.value for each in points(NAMES) if each.name == name), None)
