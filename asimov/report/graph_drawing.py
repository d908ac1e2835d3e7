"""Lay out a graph of analyses for an SVG drawing: each to the right of those that it needs.

Report pages must work offline, without scripts and with nothing installed but asimov. Mermaid would
add megabytes of script to every report, and Graphviz is a program that pip does not install.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise

from asimov.engine.graph import Edge, Graph, Node
from asimov.journal.keys import Key

#: Sizes in CSS pixels. The width of a character is an estimate.
_CHARACTER = 7.6
_HEIGHT = 44.0
_GAP = 16.0
_BETWEEN = 84.0
_MARGIN = 12.0
_LONGEST = 34
_LONGEST_LABEL = 12
_SWEEPS = 4

#: A place in a column: an analysis, or a point through which a long edge passes.
_Place = Hashable


@dataclass(frozen=True, slots=True)
class Box:
    """One analysis in a drawing; `label` is its name, shortened if necessary."""

    node: Node
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """One edge in a drawing, as an SVG path."""

    edge: Edge
    path: str


@dataclass(frozen=True, slots=True)
class Label:
    """The names of the products that others use from an analysis, and where to write them."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph with positions, in CSS pixels."""

    width: float
    height: float
    boxes: list[Box]
    lines: list[Line]
    labels: list[Label]


def draw(graph: Graph) -> Drawing:
    """Lay out a graph.

    Parameters
    ----------
    graph
        The graph. Its nodes must follow the nodes that they need, apart from cycles.
    """
    layer = _layers(graph)
    columns: list[list[_Place]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key in graph.nodes:
        columns[layer[key]].append(key)
    routes = [_route(edge, layer, columns) for edge in graph.edges]
    _untangle(columns, routes)
    labels = {key: _label(node) for key, node in graph.nodes.items()}
    widths = [
        max(
            [_width(graph.nodes[place], labels[place]) for place in column if place in labels]
            or [60]
        )
        for column in columns
    ]
    tops = _heights(columns, routes)
    starts = [_MARGIN]
    for width in widths:
        starts.append(starts[-1] + width + _BETWEEN)
    boxes = [
        Box(node, labels[key], starts[layer[key]], tops[key], widths[layer[key]], _HEIGHT)
        for key, node in graph.nodes.items()
    ]
    lines = [
        _line(edge, route, layer, starts, widths, tops)
        for edge, route in zip(graph.edges, routes, strict=True)
    ]
    height = max([tops[place] + _HEIGHT for column in columns for place in column] or [0.0])
    width = max(starts[-1] - _BETWEEN, 0) + _MARGIN
    return Drawing(width, height + _MARGIN, boxes, lines, _labels(graph, boxes))


def _labels(graph: Graph, boxes: list[Box]) -> list[Label]:
    flows: dict[Key, dict[str, None]] = {}
    for edge in graph.edges:
        flows.setdefault(edge.source, {}).update(dict.fromkeys(edge.assets))
    return [
        Label(
            _cut(", ".join(flows[box.node.key]), _LONGEST_LABEL),
            box.x + box.width + 5,
            box.y + box.height / 2 - 5,
        )
        for box in boxes
        if flows.get(box.node.key)
    ]


def _layers(graph: Graph) -> dict[Key, int]:
    """Return the column of each analysis, from 0; the edge that closes a cycle is ignored."""
    sources = graph.sources()
    layer: dict[Key, int] = {}
    for key in graph.nodes:
        before = [layer[edge.source] for edge in sources[key] if edge.source in layer]
        layer[key] = max(before, default=-1) + 1
    return layer


def _route(edge: Edge, layer: dict[Key, int], columns: list[list[_Place]]) -> list[_Place]:
    """Return the places that an edge passes, with one of its own in each column between."""
    between: list[_Place] = []
    for number in range(layer[edge.source] + 1, layer[edge.target]):
        place = (edge.source, edge.target, number)
        columns[number].append(place)
        between.append(place)
    return [edge.source, *between, edge.target]


def _untangle(columns: list[list[_Place]], routes: list[list[_Place]]) -> None:
    """Sort each column by the mean place of its neighbours, in both directions by turns."""
    left: dict[_Place, list[_Place]] = {}
    right: dict[_Place, list[_Place]] = {}
    for route in routes:
        for one, next_one in pairwise(route):
            right.setdefault(one, []).append(next_one)
            left.setdefault(next_one, []).append(one)
    for sweep in range(_SWEEPS):
        neighbours = left if sweep % 2 == 0 else right
        for column in columns if sweep % 2 == 0 else reversed(columns):
            at = {place: i / max(len(c) - 1, 1) for c in columns for i, place in enumerate(c)}
            own = {
                place: sum(at[each] for each in neighbours[place]) / len(neighbours[place])
                for place in column
                if place in neighbours
            }
            column.sort(key=lambda place: own.get(place, at[place]))


def _heights(columns: list[list[_Place]], routes: list[list[_Place]]) -> dict[_Place, float]:
    """Return the vertical position of each place; shorter columns are centred."""
    step = _HEIGHT + _GAP
    longest = max((len(column) for column in columns), default=0)
    return {
        place: _MARGIN + (number + (longest - len(column)) / 2) * step
        for column in columns
        for number, place in enumerate(column)
    }


def _label(node: Node) -> str:
    text = str(node.key) if node.outside else node.key[1]
    return _cut(text, _LONGEST)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _width(node: Node, label: str) -> float:
    below = f"{node.pipeline} · {node.status}"
    return max(len(label) * _CHARACTER, min(len(below), _LONGEST) * _CHARACTER * 0.85) + 26


def _line(
    edge: Edge,
    route: list[_Place],
    layer: dict[Key, int],
    starts: list[float],
    widths: list[float],
    tops: dict[_Place, float],
) -> Line:
    """Return an edge as a curve from the right side of one box to the left side of another."""
    number = layer[edge.source]
    x, y = starts[number] + widths[number], tops[edge.source] + _HEIGHT / 2
    path = [f"M{x:.0f} {y:.0f}"]
    for place in route[1:]:
        number = layer[edge.target] if place == edge.target else number + 1
        to_x, to_y = starts[number], tops[place] + _HEIGHT / 2
        half = (to_x - x) / 2 if to_x > x else _BETWEEN
        path.append(f"C{x + half:.0f} {y:.0f} {to_x - half:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}")
        x, y = to_x, to_y
        if place != edge.target:
            x += widths[number]
            path.append(f"H{x:.0f}")
    return Line(edge, " ".join(path))
