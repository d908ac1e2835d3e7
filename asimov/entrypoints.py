"""Plugins: classes that packages publish as entry points, found once and loaded when used."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError
from asimov.text import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PIPELINES = "asimov.pipelines"
SCHEDULERS = "asimov.schedulers"
#: Settings classes, by the name of their pipeline: known without importing the pipeline itself.
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


#: What to install for modules that published packages import without naming them among what they
#: need: asimov 0.8 brought the first along, and newer bindings of HTCondor have dropped the others.
_UNNAMED = {
    "otter": "otter-report",
    "htcondor": "'htcondor>=24,<25'",
    "classad": "'htcondor>=24,<25'",
}


class PluginError(AsimovError):
    """A plugin is not installed, or can't be loaded."""


def installed(group: str) -> list[EntryPoint]:
    """Return the entry points of a group as the standard library finds them."""
    from importlib.metadata import entry_points

    return list(entry_points(group=group))


def every(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, also those whose name another package has taken.

    A package whose entry points can't be read is left out, with a warning.
    """
    try:
        return installed(group)
    except Exception:  # one package spoils the answer for all
        return [point for point in _readable() if point.group == group]


@cache
def _readable() -> tuple[EntryPoint, ...]:
    """Return the entry points of every package that tells them; of two of one name, the first's."""
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
    """Return the entry points of a group by their names; of two with one name, the first."""
    points: dict[str, EntryPoint] = {}
    for point in every(group):
        points.setdefault(point.name, point)
    return points


def find(group: str, name: str) -> EntryPoint | None:
    """Return the entry point of a name, in whatever case it is written, or None."""
    points = found(group)
    return points.get(name) or next(
        (each for each in points.values() if each.name.lower() == name.lower()), None
    )


@cache
def load(group: str, name: str) -> Any:
    """Load a plugin.

    Raises
    ------
    PluginError
        Where there is none of that name, with the nearest that there is; and where its package
        raises on import.
    """
    point = find(group, name)
    if point is None:
        raise unknown(group, name)
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it may exit, or raise what is no Exception
        package = f" of the package {point.dist.name}" if point.dist else ""
        from asimov.logs import logger

        logger().debug("loading %s failed", point, exc_info=True)
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        install = _UNNAMED.get((missing or "").partition(".")[0])
        raise PluginError(
            f"the plugin {name!r}{package} can't be loaded: {type(error).__name__}: {error}",
            hint=f"pip install {install}"
            if install
            else "mend or remove the package; the rest of asimov goes on without it",
        ) from error


def is_known(group: str, name: str) -> bool:
    """Say whether a plugin of the name is installed, in whatever case it is written."""
    return find(group, name) is not None


def unknown(group: str, name: str) -> PluginError:
    """Return the error that says that no plugin of the name is installed."""
    names = sorted(found(group))
    what = group.rpartition(".")[2].removesuffix("s")
    what += " hook" if ".hooks." in group else ""
    return PluginError(
        f"there is no {what} {name!r}{did_you_mean(name, names)}",
        hint=f"installed: {', '.join(names) or 'none'}",
    )


def names(group: str) -> dict[str, str]:
    """Return the names of a group's entry points in order, with the package of each.

    Parameters
    ----------
    group
        The group. Format: https://packaging.python.org/specifications/entry-points/
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208  (pathlib is not needed for help)
        except OSError:
            continue
        for entry in sorted(entries):
            if entry.endswith((".dist-info", ".egg-info")):
                for name in _of(os.path.join(folder, entry, "entry_points.txt"), group):  # noqa: PTH118
                    found.setdefault(name, entry.partition("-")[0])
    return dict(sorted(found.items()))


def _of(path: str, group: str) -> list[str]:
    """Return the names in a group of one file, which need not be there."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    here, found = False, []
    for line in map(str.strip, lines):
        if line.startswith("["):
            here = line == f"[{group}]"
        elif here and "=" in line and not line.startswith(("#", ";")):
            found.append(line.partition("=")[0].strip())
    return found
