"""Format the graph of analyses as text, as a Graphviz drawing, or as data for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asimov.engine.graph import Edge, Graph

#: The most needs that a line of text lists; the other formats list them all.
_SHOWN = 8

#: Colours of states in Graphviz drawings: (fill, border).
_COLOURS = {
    "running": ("#dbeafe", "#1d4ed8"),
    "processing": ("#dbeafe", "#1d4ed8"),
    "finished": ("#dcfce7", "#15803d"),
    "uploaded": ("#dcfce7", "#15803d"),
    "stuck": ("#fee2e2", "#b91c1c"),
}


def as_text(graph: Graph) -> Iterator[str]:
    """Yield a line for each analysis under its subject, in the order in which they can run.

    An arrow precedes what an analysis needs; the products that it uses follow in brackets.
    """
    sources = graph.sources()
    for subject, keys in graph.by_subject().items():
        yield subject
        name_width = max(len(key[1]) for key in keys)
        state_width = max(len(graph.nodes[key].status) for key in keys)
        for key in keys:
            needs = _needs(sources[key])
            line = f"  {key[1]:{name_width}}  {graph.nodes[key].status:{state_width}}"
            yield f"{line}  <- {needs}" if needs else line.rstrip()


def _needs(edges: list[Edge]) -> str:
    listed = []
    for edge in edges[:_SHOWN]:
        same = edge.source[0] == edge.target[0]
        name = edge.source[1] if same else str(edge.source)
        listed.append(f"{name} ({', '.join(edge.assets)})" if edge.assets else name)
    more = f" and {len(edges) - _SHOWN} more" if len(edges) > _SHOWN else ""
    return ", ".join(listed) + more


def as_dot(graph: Graph) -> Iterator[str]:
    """Yield the lines of a drawing for Graphviz's ``dot``; a need that uses nothing is dashed.

    See https://graphviz.org/doc/info/lang.html for the language.
    """
    yield "digraph analyses {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=10];'
    for number, (subject, keys) in enumerate(graph.by_subject().items()):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(subject)};"
        for key in keys:
            node = graph.nodes[key]
            fill, border = _COLOURS.get(node.status, ("#f3f4f6", "#4b5563"))
            # `\n` is Graphviz's line break, not one in the text.
            label = f"{_quoted(key[1])[:-1]}\\n{_quoted(f'{node.pipeline}, {node.status}')[1:]}"
            yield (
                f'    {_quoted(str(key))} [label={label}, fillcolor="{fill}", color="{border}"];'
            )
        yield "  }"
    for edge in graph.edges:
        what = [f"label={_quoted(', '.join(edge.assets))}"] if edge.assets else []
        what += [] if edge.used else ["style=dashed"]
        ends = f"{_quoted(str(edge.source))} -> {_quoted(str(edge.target))}"
        yield f"  {ends}{f' [{chr(44).join(what)}]' if what else ''};"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_data(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain data: ``nodes``, and ``edges`` between ``subject/name`` ids."""
    return {
        "nodes": [
            {
                "id": str(node.key),
                "subject": node.key[0],
                "name": node.key[1],
                "pipeline": node.pipeline,
                "status": node.status,
                "kind": node.kind,
                "outside": node.outside,
            }
            for node in graph.nodes.values()
        ],
        "edges": [
            {
                "from": str(edge.source),
                "to": str(edge.target),
                "used": edge.used,
                "assets": list(edge.assets),
            }
            for edge in graph.edges
        ],
    }
