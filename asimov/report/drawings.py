"""Draw a graph for a page, or count what is too much to draw."""

from __future__ import annotations

from typing import Any

from asimov.engine.graph import Graph
from asimov.report.graph_drawing import draw

#: The most analyses in a drawing. The tables list them all.
_DRAWN = 150


def drawing(part: Graph | None) -> dict[str, Any]:
    """Return a drawing of the connected analyses, unless there are too many.

    Parameters
    ----------
    part
        The graph, or None.

    Returns
    -------
    dict
        ``graph``, the drawing or None; ``many``, the analyses that are too many to draw; and
        ``alone``, those that need nothing and that nothing needs.
    """
    if part is None or not part.edges:
        return {"graph": None, "many": 0, "alone": 0}
    connected = {key for edge in part.edges for key in (edge.source, edge.target)}
    alone = sum(key not in connected for key in part.nodes)
    if len(connected) > _DRAWN:
        return {"graph": None, "many": len(connected), "alone": alone}
    nodes = {key: node for key, node in part.nodes.items() if key in connected}
    return {"graph": draw(Graph(nodes, part.edges)), "many": 0, "alone": alone}
