"""The dependency graph: analyses, their states, and the products that flow between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from asimov.journal.keys import Key
from asimov.plugins.flow import Flow, flow_of
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
        The products of the source that the target declares to need.
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
    flow = flow_of(workspace, all_installed=False)
    edges: list[Edge] = []
    for key in entries:
        needed = [each for each in workspace.dependencies.of(key).keys if each in entries]
        if subject is not None and key[0] != subject:
            needed = [each for each in needed if each[0] == subject]
        used = set(workspace.dependencies.inputs(key)) if needed else set()
        flowing = _flowing(flow, key) if used else {}
        edges += [Edge(each, key, each in used, flowing.get(each, ())) for each in needed]
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


def _flowing(flow: Flow, key: Key) -> dict[Key, tuple[str, ...]]:
    """Return the assets that flow into an analysis, by the analysis that makes them.

    They are in the order in which that analysis lists them.
    """
    found: dict[Key, list[str]] = {}
    for feed in flow.feeds(key):
        found.setdefault(feed.maker, []).append(feed.wanted.name)
    for maker, names in found.items():
        listed = [each.name for each in flow.outputs(maker)]
        names.sort(key=[*listed, *names].index)
    return {maker: tuple(names) for maker, names in found.items()}
