"""List the installed plugins from the metadata of their packages, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.text import did_you_mean, nearest

#: The entry-point group of each kind of plugin.
KINDS = {
    "pipeline": entrypoints.PIPELINES,
    "settings": entrypoints.SETTINGS,
    "scheduler": entrypoints.SCHEDULERS,
    "post-monitor": entrypoints.POSTMONITOR,
    "applicator": entrypoints.APPLICATOR,
    "file-source": entrypoints.FILESOURCE,
    "telemetry": entrypoints.TELEMETRY,
    "labeller": entrypoints.LABELLERS,
    "monitor-state": entrypoints.MONITOR_STATES,
    "command": entrypoints.COMMANDS,
    "vocabulary": entrypoints.VOCABULARY,
    "function": entrypoints.FUNCTIONS,
    "card": entrypoints.CARDS,
}
#: The labels of a package's addresses that lead to its documentation, the best first.
_HOMES = ("documentation", "docs", "homepage", "home", "repository", "source", "source code")


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin, as its entry point names it.

    Attributes
    ----------
    name
        The name in the ledger.
    kind, group
        One of `KINDS`, and its entry-point group.
    value
        ``module:class``.
    package, version
        The package that publishes it; ``?`` if its metadata lack them.
    home
        The address of the package's documentation or home page.
    used
        Whether asimov uses it: of two with one name, the first on the path.
    """

    name: str
    kind: str
    group: str
    value: str
    package: str
    version: str
    home: str | None
    used: bool


def entries(kind: str | None = None) -> list[Entry]:
    """Return the installed plugins, ordered by kind and name.

    Parameters
    ----------
    kind
        One of `KINDS` or its entry-point group; by default all kinds.

    Raises
    ------
    AsimovError
        Where no such kind exists.
    """
    kinds = KINDS if kind is None else {(name := kind_of(kind)): KINDS[name]}
    found = []
    for name, group in kinds.items():
        taken: set[str] = set()
        for point in entrypoints.every(group):
            found.append(_entry(point, name, used=point.name not in taken))
            taken.add(point.name)
    order = list(KINDS)
    return sorted(found, key=lambda e: (order.index(e.kind), e.name.lower(), not e.used))


def kind_of(text: str) -> str:
    """Return the kind that a text names, by its own name or that of its group.

    Raises
    ------
    AsimovError
        Where none matches, with the nearest name.
    """
    wanted = text.strip().lower().replace(" ", "-").replace("_", "-")
    for kind, group in KINDS.items():
        if wanted in {kind, f"{kind}s", kind.replace("-", ""), group, group.rpartition(".")[2]}:
            return kind
    known = [*KINDS, *KINDS.values()]
    raise AsimovError(
        f"{text!r} is not a kind of plugin{did_you_mean(wanted, known)}",
        hint=f"the kinds are {', '.join(KINDS)}",
    )


def named(name: str, kind: str | None = None) -> list[Entry]:
    """Return the plugins with a name, whatever its case; the exact name comes first.

    Raises
    ------
    AsimovError
        Where none matches, with the nearest name.
    """
    there = entries(kind)
    exact = [each for each in there if each.name == name]
    found = exact or [each for each in there if each.name.lower() == name.strip().lower()]
    if not found:
        raise _unknown(name, there, None if kind is None else kind_of(kind))
    return found


def _unknown(name: str, there: Sequence[Entry], kind: str | None) -> AsimovError:
    others = {each.kind for each in entries() if each.name.lower() == name.strip().lower()}
    if others:
        their_kinds = " and a ".join(sorted(others))
        return AsimovError(f"{name!r} is not a {kind}", hint=f"it is a {their_kinds}")
    names = {each.name.lower(): each.name for each in there}
    near = nearest(name.lower(), names, 0.5)
    return AsimovError(
        f"there is no {kind or 'plugin'} {name!r}"
        + (f"; did you mean {names[near]!r}?" if near else ""),
        hint="'asimov plugins list' shows what is installed",
    )


def _entry(point: EntryPoint, kind: str, *, used: bool) -> Entry:
    package, version, home = "?", "?", None
    if point.dist is not None:
        package = _field(point.dist, "Name") or "?"
        version = _field(point.dist, "Version") or "?"
        home = _home(point.dist)
    return Entry(point.name, kind, KINDS[kind], point.value, package, version, home, used)


def _home(distribution: Distribution) -> str | None:
    """Return the address of a package's documentation from its metadata."""
    addresses = {}
    for line in distribution.metadata.get_all("Project-URL") or []:
        label, _, address = str(line).partition(",")
        addresses[label.strip().lower()] = address.strip()
    found = [addresses[each] for each in _HOMES if each in addresses]
    return found[0] if found else _field(distribution, "Home-page")


def _field(distribution: Distribution, field: str) -> str | None:
    """Return a field of the metadata, which may be damaged, or None."""
    found = distribution.metadata.get_all(field)
    return str(found[0]) if found else None
