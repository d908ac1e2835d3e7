"""The dependency graph: analyses, their states, and the products that flow between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from asimov.discovery.entrypoints import PluginError
from asimov.journal.keys import Key
from asimov.pipeline.assets import inputs_of, outputs_of
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

    def by_subject(self) -> dict[str, list[Key]]:
        """Return the analyses by their subjects."""
        found: dict[str, list[Key]] = {}
        for key in self.nodes:
            found.setdefault(key[0], []).append(key)
        return found

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
    flows = _flows(workspace)
    edges: list[Edge] = []
    for key, entry in entries.items():
        needed = [each for each in workspace.dependencies.of(key).keys if each in entries]
        if subject is not None and key[0] != subject:
            needed = [each for each in needed if each[0] == subject]
        used = set(workspace.dependencies.inputs(key)) if needed else set()
        for each in needed:
            flow = flows(entries[each].pipeline, entry.pipeline) if each in used else ()
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


def _flows(workspace: Workspace) -> Callable[[str, str], tuple[str, ...]]:
    """Return a function: the products of one pipeline that another needs, as the first lists them.

    Each class is read once.
    """

    @cache
    def declared(pipeline: str) -> Any:
        try:
            return imported(pipeline, workspace)
        except PluginError:  # status reports it; here it declares nothing
            return None

    @cache
    def flow(source: str, target: str) -> tuple[str, ...]:
        needed = {each.name for each in inputs_of(declared(target))}
        return tuple(each.name for each in outputs_of(declared(source)) if each.name in needed)

    return flow
