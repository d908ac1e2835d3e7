"""Drawing a graph in layers."""

from __future__ import annotations

import itertools

import pytest

from asimov.engine.graph import Edge, Graph, Node
from asimov.journal.keys import Key
from asimov.report.graph_drawing import draw


def make(*needs: str, alone: str = "") -> Graph:
    """Return a graph of ``a>b``: b needs a."""
    names = dict.fromkeys([*"".join(needs).replace(">", ""), *alone])
    nodes = {("s", name): Node(("s", name), "command", "ready", "simple") for name in names}
    edges = [Edge(("s", need[0]), ("s", need[2]), True, ("psds",)) for need in needs]
    return Graph(nodes, edges)


def places(graph: Graph):
    return {box.node.key[1]: box for box in draw(graph).boxes}


def test_each_stands_to_the_right_of_those_that_it_needs():
    box = places(make("a>b", "b>c", "a>c", "a>d"))
    assert box["a"].x + box["a"].width < box["b"].x
    assert box["b"].x == box["d"].x
    assert box["b"].x + box["b"].width < box["c"].x


@pytest.mark.parametrize(
    "graph",
    [
        make("a>b", "a>c", "a>d", "b>e", "c>e", "d>e", "a>e"),
        make("a>d", "b>d", "c>d", "d>e", "d>f", "a>f", alone="xyz"),
        make("a>b", "b>c", "c>a"),
        make("a>b", "b>a"),
        make(alone="abc"),
    ],
    ids=["diamond", "hourglass", "circle", "pair", "alone"],
)
def test_no_two_boxes_overlap_and_all_are_inside(graph):
    drawing = draw(graph)
    assert len(drawing.boxes) == len(graph.nodes)
    assert len(drawing.lines) == len(graph.edges)
    for one, other in itertools.combinations(drawing.boxes, 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or one.y + one.height < other.y or other.y + other.height < one.y
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height


def test_layers_are_ordered_so_that_lines_do_not_cross_needlessly():
    box = places(make("a>x", "b>y", "c>z", "x>p", "y>q", "z>r"))
    order = [sorted(layer, key=lambda name: box[name].y) for layer in ("abc", "xyz", "pqr")]
    assert [[names.index(name) for name in names] for names in order] == [[0, 1, 2]] * 3
    box = places(make("a>z", "b>y", "c>x"))
    assert (box["a"].y < box["b"].y) == (box["z"].y < box["y"].y)


def test_what_flows_is_written_once_where_the_lines_begin():
    (label,) = draw(make("a>b", "a>c")).labels
    assert label.text == "psds"


def test_a_long_name_is_cut_and_one_of_elsewhere_is_told_in_full():
    key = Key("subject", "n" * 60)
    graph = Graph({key: Node(key, "p", "ready", "simple")}, [])
    (box,) = draw(graph).boxes
    assert box.label.endswith("n…")
    assert len(box.label) < 40
    key = Key("t", "a")
    graph = Graph({key: Node(key, "p", "ready", "simple", outside=True)}, [])
    assert draw(graph).boxes[0].label == "t/a"


def test_nothing_is_drawn_of_nothing():
    drawing = draw(Graph({}, []))
    assert (drawing.boxes, drawing.lines) == ([], [])
