"""The dependency graph: analyses, their states, and the products that flow between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from asimov.discovery.entrypoints import PluginError
from asimov.journal.keys import Key
from asimov.pipeline.assets import Asset
from asimov.plugins.methods import imported
from asimov.project.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Node:
    """One analysis.

    Attributes
    ----------
    kind
        ``simple``, ``subject`` or ``project``.
    outside
        Whether it belongs to another subject than the requested one.
    """

    key: Key
    pipeline: str
    status: str
    kind: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One analysis that another needs.

    Attributes
    ----------
    source, target
        The needed analysis, and the one that needs it.
    used
        Whether the target uses products of the source, or only waits for it.
    assets
        The products that the source's pipeline declares as outputs and the target's as inputs.
    """

    source: Key
    target: Key
    used: bool
    assets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Analyses and what they need.

    Attributes
    ----------
    nodes
        The analyses, each after those that it needs, except within a cycle.
    edges
        Ordered by target.
    """

    nodes: dict[Key, Node]
    edges: list[Edge]

    def sources(self) -> dict[Key, list[Edge]]:
        """Return the edges into each analysis, an empty list for one without any."""
        found: dict[Key, list[Edge]] = {key: [] for key in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return found


def graph(workspace: Workspace, subject: str | None = None) -> Graph:
    """Return the graph of a project, or of a subject and the analyses connected with it.

    This loads the pipelines' classes, to find which products flow.

    Parameters
    ----------
    workspace
        The open project.
    subject
        The only subject to look at. Analyses of other subjects that it needs, or that need it, are
        marked `outside`.

    Raises
    ------
    AsimovError
        If there is no such subject.
    """
    workspace.keys(subject)
    entries = workspace.contents.entries
    declared = _Declared(workspace)
    edges: list[Edge] = []
    for key, entry in entries.items():
        needed = [each for each in workspace.dependencies.of(key).keys if each in entries]
        if subject is not None and key[0] != subject:
            needed = [each for each in needed if each[0] == subject]
        used = set(workspace.dependencies.inputs(key)) if needed else set()
        for each in needed:
            flow = declared.flow(entries[each].pipeline, entry.pipeline) if each in used else ()
            edges.append(Edge(each, key, each in used, flow))
    nodes = {
        key: Node(key, entry.pipeline, workspace.status(key), entry.kind)
        for key, entry in entries.items()
    }
    whole = Graph({key: nodes[key] for key in _ordered(nodes, edges)}, edges)
    return whole if subject is None else parts(whole).get(subject, Graph({}, []))


def parts(whole: Graph) -> dict[str, Graph]:
    """Split a graph by subject, keeping connected analyses of other subjects in each part."""
    place = {key: number for number, key in enumerate(whole.nodes)}
    keys: dict[str, set[Key]] = {}
    edges: dict[str, list[Edge]] = {}
    for key in whole.nodes:
        keys.setdefault(key[0], set()).add(key)
    for edge in whole.edges:
        for subject in {edge.source[0], edge.target[0]}:
            edges.setdefault(subject, []).append(edge)
            keys[subject] |= {edge.source, edge.target}
    return {
        subject: Graph(
            {
                key: replace(whole.nodes[key], outside=key[0] != subject)
                for key in sorted(inside, key=place.__getitem__)
            },
            edges.get(subject, []),
        )
        for subject, inside in keys.items()
    }


def _ordered(keys: Iterable[Key], edges: Iterable[Edge]) -> list[Key]:
    """Return analyses after those that they need, otherwise in the given order.

    The first analysis of a cycle is placed as if it needed nothing.
    """
    needs: dict[Key, list[Key]] = {key: [] for key in keys}
    for edge in edges:
        needs[edge.target].append(edge.source)
    placed: dict[Key, None] = {}
    begun: set[Key] = set()
    for start in needs:
        todo = [(start, False)]
        while todo:
            key, leaving = todo.pop()
            if leaving:
                placed[key] = None
            elif key not in begun:
                begun.add(key)
                todo.append((key, True))
                todo += [(each, False) for each in reversed(needs[key]) if each not in begun]
    return list(placed)


class _Declared:
    """The inputs and outputs that pipelines declare; each class is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._names: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}
        self._flows: dict[tuple[str, str], tuple[str, ...]] = {}

    def flow(self, source: str, target: str) -> tuple[str, ...]:
        """Return the products of one pipeline that another needs, in the order it makes them."""
        if (source, target) not in self._flows:
            made, needed = self._of(source)[1], self._of(target)[0]
            self._flows[source, target] = tuple(name for name in made if name in needed)
        return self._flows[source, target]

    def _of(self, pipeline: str) -> tuple[frozenset[str], tuple[str, ...]]:
        if pipeline not in self._names:
            try:
                kind = imported(pipeline, self._workspace)
            except PluginError:  # status reports it; here it declares nothing
                kind = None
            needed = _names(getattr(kind, "inputs", ()))
            self._names[pipeline] = (frozenset(needed), _names(getattr(kind, "outputs", ())))
        return self._names[pipeline]


def _names(declared: Any) -> tuple[str, ...]:
    """Return the names of declared assets; none if they are declared in another form."""
    if not isinstance(declared, (tuple, list)):
        return ()
    return tuple(each.name for each in declared if isinstance(each, Asset))
