"""Find and load the entry points of installed packages: pipelines, schedulers, hooks."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from asimov.discovery import extensions
from asimov.errors import AsimovError
from asimov.text import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PIPELINES = "asimov.pipelines"
SCHEDULERS = "asimov.schedulers"
#: Settings classes by the names of their pipelines; they can be loaded without the pipeline.
SETTINGS = "asimov.settings"
#: Hooks, enabled by their names under ``hooks: <the last word>:`` of the project.
POSTMONITOR = "asimov.hooks.postmonitor"
APPLICATOR = "asimov.hooks.applicator"
FILESOURCE = "asimov.hooks.filesource"
TELEMETRY = "asimov.hooks.telemetry"
LABELLERS = "asimov.labellers"
MONITOR_STATES = "asimov.monitor.states"
COMMANDS = "asimov.commands"
VOCABULARY = "asimov.vocabulary"
#: Modules that register functions, or one such function; each function is a pipeline.
FUNCTIONS = "asimov.functions"
#: The cards of pipelines, by the names of the pipelines (see `asimov.pipeline.card`).
CARDS = "asimov.cards"


class PluginError(AsimovError):
    """A plugin is not installed, or can't be loaded."""


def installed(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, as the standard library finds them."""
    return list(_installed(tuple(sys.path)).select(group=group))


@lru_cache(maxsize=1)
def _installed(folders: tuple[str, ...]) -> Any:
    """Return the entry points of all groups: to find those of one takes as long."""
    from importlib.metadata import entry_points

    return entry_points()


def every(group: str) -> list[EntryPoint]:
    """Return all entry points of a group, including several of the same name.

    A package whose entry points can't be read is skipped with a warning.
    """
    try:
        return installed(group)
    except Exception:  # one unreadable package breaks the query for all
        return [point for point in _readable() if point.group == group]


@cache
def _readable() -> tuple[EntryPoint, ...]:
    """Return the entry points of every readable package; of two copies, those of the first."""
    from importlib.metadata import distributions

    from asimov.logs import logger

    points: dict[str, list[EntryPoint]] = {}
    for each in distributions():
        package = "?"
        try:
            package = each.metadata["Name"].lower().replace("_", "-")
            points.setdefault(package, list(each.entry_points))
        except Exception as error:
            logger().warning(
                "the entry points of the package %s can't be read: %s: %s",
                package, type(error).__name__, error,
            )  # fmt: skip
    return tuple(point for of_package in points.values() for point in of_package)


@cache
def found(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name; the first one wins."""
    points: dict[str, EntryPoint] = {}
    for point in every(group):
        points.setdefault(point.name, point)
    return points


def find(group: str, name: str) -> EntryPoint | None:
    """Return the entry point with a name, ignoring case, or None.

    Pipelines may also be found by what packages publish as `asimov.discovery.extensions.FINDERS`.
    """
    points = found(group)
    return (
        points.get(name)
        or next((each for each in points.values() if each.name.lower() == name.lower()), None)
        or (_unpublished(name) if group == PIPELINES else None)
    )


def _unpublished(pipeline: str) -> EntryPoint | None:
    finders = extensions.usable(extensions.FINDERS)
    return next((point for each in finders if (point := each.find(pipeline))), None)


@cache
def load(group: str, name: str) -> Any:
    """Load a plugin.

    Raises
    ------
    PluginError
        If no plugin has that name (the error suggests the nearest one), or if its package raises
        on import.
    """
    point = find(group, name)
    if point is None:
        raise unknown(group, name)
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # it may call sys.exit(), or raise something that is no Exception
        package = f" of the package {point.dist.name}" if point.dist else ""
        from asimov.logs import logger

        logger().debug("loading %s failed", point, exc_info=True)
        raise PluginError(
            f"the plugin {name!r}{package} can't be loaded: {type(error).__name__}: {error}",
            hint=extensions.hint(error)
            or "reinstall or remove the package; the rest of asimov works without it",
        ) from error


def is_known(group: str, name: str) -> bool:
    """Return whether a plugin with a name is installed, ignoring case."""
    return find(group, name) is not None


def unknown(group: str, name: str) -> PluginError:
    """Return the error for a plugin that is not installed."""
    names = sorted(found(group))
    faults: list[str] = []
    for finder in extensions.usable(extensions.FINDERS) if group == PIPELINES else ():
        names += finder.names()
        faults += finder.faults()
    what = group.rpartition(".")[2].removesuffix("s")
    what += " hook" if ".hooks." in group else ""
    return PluginError(
        f"there is no {what} {name!r}{did_you_mean(name, names)}",
        hint="; ".join([f"installed: {', '.join(names) or 'none'}", *faults]),
    )


def names(group: str) -> dict[str, str]:
    """Return the sorted names of a group's entry points, with the package of each."""
    found: dict[str, str] = {}
    for point in extensions.points(group):
        found.setdefault(point.name, point.package)
    return dict(sorted(found.items()))
