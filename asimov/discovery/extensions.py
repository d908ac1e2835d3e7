"""Load what packages add to asimov itself: importable names, options, template languages, hints.

Pipelines, schedulers, hooks and commands are plugins; `asimov.discovery.entrypoints` loads them.

asimov loads a package's part when it is first needed. Entry points are read from the files of the
installed packages, since importing `importlib.metadata` would take most commands' time.
"""

from __future__ import annotations

import os
import sys
from functools import cache, lru_cache
from typing import Any, NamedTuple

from asimov.errors import AsimovError

NAMES = "asimov.names"
OPTIONS = "asimov.options"
FIELDS = "asimov.fields"
OBJECTS = "asimov.objects"
POSTPROCESSING = "asimov.postprocessing"
DIALECTS = "asimov.dialects"
HINTS = "asimov.hints"
SITES = "asimov.sites"
FINDERS = "asimov.finders"
IMPORTERS = "asimov.importers"
CHECKS = "asimov.checks"

#: Every extension point, and what an entry point of it adds; docs/extending.md shows this table.
GROUPS = {
    NAMES: "a module or a name that can be imported from `asimov`; its name is the full name",
    OPTIONS: "options of the configuration: defaults, and second names",
    FIELDS: "a field of science: its analyses, their class, and settings that follow from others",
    OBJECTS: "attributes of every `analysis`, `subject`, `repository` or `pipeline`: its name",
    POSTPROCESSING: "what may follow an analysis; its name is the key under `postprocessing:`",
    DIALECTS: "a language of templates; its name is what `template_dialect` says",
    HINTS: "advice on an error: a function that takes the exception and returns text or None",
    SITES: "a computing site, its rules and defaults; its name is what `site/name` says",
    IMPORTERS: "projects of another program that `asimov ledger import` reads and `export` writes",
    FINDERS: "pipelines that no entry point names: an object that finds them by name",
    CHECKS: "a check of products that a ledger may name: it takes a path and returns faults",
}


class Point(NamedTuple):
    """An entry point as it is written: its name, its value and the package it belongs to."""

    name: str
    value: str
    package: str


class ExtensionError(AsimovError):
    """A package's extension can't be loaded, or raised."""


def points(group: str) -> list[Point]:
    """Return the entry points of a group by reading their files.

    Parameters
    ----------
    group
        The group. Format: https://packaging.python.org/specifications/entry-points/
    """
    return _written(tuple(sys.path)).get(group, [])


@lru_cache(maxsize=1)
def _written(folders: tuple[str, ...]) -> dict[str, list[Point]]:
    """Read all entry points, by group; of two copies of a package, the first one's."""
    found: dict[str, list[Point]] = {}
    packages = set()
    for folder in folders:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208  (pathlib is not needed for help)
        except OSError:
            continue
        for entry in sorted(entries):
            if not entry.endswith((".dist-info", ".egg-info")):
                continue
            package = entry[: -len(".dist-info")].partition("-")[0]
            if package in packages:
                continue
            packages.add(package)
            group = ""
            for line in _lines(os.path.join(folder, entry, "entry_points.txt")):  # noqa: PTH118
                if line.startswith("["):
                    group = line.strip("[]")
                elif "=" in line and not line.startswith(("#", ";")):
                    name, _, value = map(str.strip, line.partition("="))
                    found.setdefault(group, []).append(Point(name, value, package))
    return found


def _lines(path: str) -> list[str]:
    """Return the lines of a file, which need not be there."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            return [line.strip() for line in file]
    except (OSError, UnicodeDecodeError):
        return []


@cache
def load(point: Point) -> Any:
    """Load what an entry point names.

    Raises
    ------
    ExtensionError
        If its package raises on import.
    """
    try:
        return named(point.value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it may exit
        raise ExtensionError(
            f"the extension {point.name!r} of the package {point.package} can't be loaded: "
            f"{type(error).__name__}: {error}",
            hint=f"reinstall or remove the package: pip uninstall {point.package}",
        ) from error


def named(value: str) -> Any:
    """Return what a value such as ``package.module:Class.attribute`` names."""
    from importlib import import_module

    module, _, attributes = value.partition(":")
    found: Any = import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        found = getattr(found, attribute)
    return found


def every(group: str) -> list[Any]:
    """Return what all packages add to an extension point.

    Raises
    ------
    ExtensionError
        If one can't be loaded: results would differ without it.
    """
    return [load(point) for point in points(group)]


def usable(group: str, name: str | None = None) -> list[Any]:
    """Return what packages add, without what can't be loaded; that is warned of once.

    Parameters
    ----------
    group
        The extension point.
    name
        The only name to return; by default all are.
    """
    loaded = (_loaded(point) for point in points(group) if name in (None, point.name))
    return [each for each in loaded if each is not None]


@cache
def _loaded(point: Point) -> Any:
    try:
        return load(point)
    except ExtensionError as error:
        from asimov.logs import logger

        logger().warning("%s", error)
        return None


def extend(kind: type, name: str) -> None:
    """Give a class the attributes that packages add to it, apart from those it has itself.

    Classes do this when their first object is made: importing them loads no package.

    Parameters
    ----------
    kind
        The class.
    name
        Its name in the group ``asimov.objects``.
    """
    for added in usable(OBJECTS, name):
        _extend(kind, added)


@cache
def _extend(kind: type, added: type) -> None:
    for name, value in vars(added).items():
        if not name.startswith("__") and not hasattr(kind, name):
            setattr(kind, name, value)
    readable = {**vars(added).get("for_templates", {}), **vars(kind).get("for_templates", {})}
    kind.for_templates = readable  # type: ignore[attr-defined]


def hint(error: BaseException) -> str | None:
    """Return what to do about an error, if a package knows; it must not raise another."""
    for advise in usable(HINTS):
        try:
            if advice := advise(error):
                return str(advice)
        except Exception as fault:
            from asimov.logs import logger

            logger().debug("a hint on %r failed: %r", error, fault)
    return None
