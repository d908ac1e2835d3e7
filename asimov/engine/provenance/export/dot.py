"""Attempts as a graph in Graphviz's language: boxes are attempts, ellipses are files.

Source: "The DOT Language", graphviz.org.
"""

from __future__ import annotations

from collections.abc import Iterable

from asimov import text
from asimov.engine.provenance.export.runs import Run, identity, identity_of_product

#: The most of a name that a node shows, in characters.
_LONGEST = 60


def dot(runs: Iterable[Run]) -> str:
    """Return attempts, with the files they used and made, as a directed graph."""
    nodes: dict[str, str] = {}
    edges: dict[tuple[str, str, str], None] = {}
    for run in runs:
        attempt = f"attempt {run.record.uid}"
        nodes[attempt] = f"{_label(run.name, run.record.pipeline)}, shape=box"
        for file in run.record.files:
            used = " ".join(identity(file))
            nodes.setdefault(used, _label(file.path, (file.sha256 or file.unknown)[:12]))
            edges[used, attempt, file.role] = None
            if file.attempt:
                before = f"attempt {file.attempt}"
                named = run.makers.get(file.attempt, file.of)
                nodes.setdefault(before, f"{_label(named)}, shape=box")
                edges[before, used, ""] = None
        for product in run.products or []:
            if product.sha256:
                path = f"{run.record.analysis}/{product.path}"
                made = " ".join(identity_of_product(run, product))
                nodes.setdefault(made, _label(path, product.sha256[:12]))
                edges[attempt, made, ""] = None
        if run.reused is not None:
            before = f"attempt {run.reused.attempt}"
            nodes.setdefault(before, f"{_label(run.reused.made_by)}, shape=box")
            edges[before, attempt, "reused"] = None
    lines = [f"  {_quoted(node)} [{attributes}];" for node, attributes in nodes.items()]
    for tail, head, role in edges:
        label = f" [{_label(role)}]" if role else ""
        lines.append(f"  {_quoted(tail)} -> {_quoted(head)}{label};")
    return "\n".join(["digraph provenance {", "  rankdir=LR;", *lines, "}"])


def _label(*rows: str) -> str:
    shown = [text.line(text.short(each, _LONGEST)) for each in rows if each]
    return f"label={_quoted(chr(10).join(shown))}"


def _quoted(value: str) -> str:
    # In a quoted string \\n is a line break, and any other backslash starts an escape of labels.
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
