"""Imports run downward: a module knows those below it, and nothing of those above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: From the top; ARCHITECTURE.md has the same. A module may import its own layer and those below.
LAYERS = [
    ["asimov.compat.names", "asimov.testing", "asimov.__main__"],
    ["asimov.cli"],
    ["asimov.report", "asimov.testing.conformance"],
    ["asimov.engine"],
    ["asimov.plugins"],
    ["asimov.pipelines"],
    ["asimov.pipeline"],
    ["asimov.compat"],
    ["asimov.project"],
    ["asimov.rendering"],
    ["asimov.scheduler"],
    ["asimov.ledger"],
    ["asimov.journal"],
    ["asimov.layout"],
    ["asimov.settings"],
    ["asimov.configuration", "asimov.entrypoints", "asimov.states"],
    ["asimov.keys", "asimov.logs", "asimov.mappings", "asimov.system"],
    ["asimov.errors"],
    ["asimov.text", "asimov._version", "asimov.templates"],
]


def layer(module: str) -> int:
    """Return how far down a module lies."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):  # a package may lie lower than the one that it is in
        for number, names in enumerate(LAYERS):
            if ".".join(parts[:length]) in names:
                return number
    raise AssertionError(f"{module} has no layer: name one for it, here and in ARCHITECTURE.md")


def sources() -> dict[str, Path]:
    """Return every module with its file; the package itself, which holds names only, left out."""
    found = {}
    for folder, package in (("asimov", "asimov"), ("pipelines", "asimov.pipelines")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *parts]).removesuffix(".__init__")
            found[name] = path
    del found["asimov"]
    return found


FILES = sources()


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports of asimov when it runs, also inside functions."""
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            if node.module and node.module.partition(".")[0] == "asimov":
                # Of a package a module is imported, or a name that the package itself holds.
                inside = {f"{node.module}.{each.name}" for each in node.names}
                yield from inside & FILES.keys() or {node.module}
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("asimov"))
        nodes += ast.iter_child_nodes(node)


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_downward_only(module: str) -> None:
    above = [name for name in imported(FILES[module]) if layer(name) < layer(module)]
    assert not above


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    left = {
        module: {name for name in imported(path) if name in FILES and name != module}
        for module, path in FILES.items()
    }
    while left:
        free = {module for module, needs in left.items() if not needs & left.keys()}
        assert free, sorted(left)
        left = {module: needs for module, needs in left.items() if module not in free}
