"""Imports point downward only: at run time, for type checking, and by a name in a string."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Packages and modules of `asimov`, from the top; ARCHITECTURE.md shows the same list. A module may
#: import its own entry and the lines below, not its neighbours. A part of a package may have an
#: entry of its own; the longest match counts.
LAYERS = [
    ["__main__", "compat"],
    ["testing.console"],
    ["cli"],
    ["testing"],
    ["server"],
    ["report", "tui"],
    ["engine"],
    ["keepers", "plugins"],
    ["pipelines"],
    ["phases"],
    ["pipeline"],
    ["project"],
    ["project.git", "project.storage"],
    ["project.layout"],
    ["rendering"],
    ["scheduler"],
    ["ledger"],
    ["journal"],
    ["settings"],
    ["configuration", "states"],
    ["discovery"],
    ["logs", "system"],
    ["errors"],
    ["_version", "functions", "templates", "text"],
]


def sources() -> dict[str, Path]:
    """Return the file of every module; `asimov` itself, which any import runs, is left out."""
    found = {}
    for folder, package in (("asimov", ""), ("pipelines", "pipelines")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).strip(".").removesuffix("__init__").strip(".")] = path
    del found[""]
    return found


FILES = sources()
ENTRIES = {name: number for number, line in enumerate(LAYERS) for name in line}


def entry(module: str) -> str:
    """Return the entry of the list that a module belongs to."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in ENTRIES:
            return name
    raise AssertionError(f"{module} has no layer: add one here and in ARCHITECTURE.md")


def groups() -> set[str]:
    """Return the entry-point groups: some have the name of a package."""
    files = [ROOT / "asimov" / "discovery" / name for name in ("entrypoints.py", "extensions.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    return {node.value for node in nodes if isinstance(node, ast.Constant)}


GROUPS = groups()


def named(name: str) -> Iterator[str]:
    """Yield the module of `asimov` that a dotted name means, if it means one."""
    parts = name.split(".")
    if parts[0] != "asimov":
        return
    for length in range(len(parts), 1, -1):
        for inside in ("", "compat.names."):  # where modules that only older packages import lie
            if (module := inside + ".".join(parts[1:length])) in FILES:
                yield module
                return


def by_string(node: ast.AST) -> Iterator[str]:
    """Yield the module that a string names: in ``import_module``, ``"asimov.x"``, ``"asimov.x:y"``.

    Of an f-string only what comes before its first value is known: it names a package.
    """
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "__import__"} and node.args:
            given: ast.AST = node.args[0]
            start = given.values[0] if isinstance(given, ast.JoinedStr) else given
            yield from named(_text(start).rstrip("."))
    elif re.fullmatch(r"asimov(\.\w+)+(:[\w.]+)?", _text(node)) and _text(node) not in GROUPS:
        yield from named(_text(node).partition(":")[0])


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imported(text: str) -> set[str]:
    """Return the modules of `asimov` that a source imports, wherever and however it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            if node.module and node.module.partition(".")[0] == "asimov":
                # A package's module is imported, or a name that the package itself has.
                for each in node.names:
                    found.update(named(f"{node.module}.{each.name}"))
        elif isinstance(node, ast.Import):
            for each in node.names:
                found.update(named(each.name))
        else:
            found.update(by_string(node))
    return found


@cache
def imports() -> dict[str, set[str]]:
    """Return what every module imports; only the process that tests them reads them all."""
    return {module: imported(path.read_text()) - {module} for module, path in FILES.items()}


def upward(module: str) -> set[str]:
    """Return what a module imports from above, or from a neighbour on its line."""
    own = entry(module)
    return {
        name
        for name in imports()[module]
        if entry(name) != own and ENTRIES[entry(name)] <= ENTRIES[own]
    }


def test_modules_import_downward_only() -> None:
    found = {module: names for module in FILES if (names := upward(module))}
    assert not found


def test_the_floor_plan_stays_small() -> None:
    top = {name.split(".")[0] for name in FILES} - {"__main__", "_version", "pipelines"}
    assert len(top) <= 25, sorted(top)
    modules = Counter(path.parent for path in FILES.values() if path.name != "__init__.py")
    assert max(modules.values()) <= 30, modules.most_common(3)


def test_modules_do_not_import_each_other_in_a_cycle() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_architecture_shows_these_layers() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(rf"^```text\n({LAYERS[0][0]}.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block, "no list of layers in ARCHITECTURE.md"
    shown = [re.split(r"\s{2,}", line)[0].split(", ") for line in block[1].splitlines()]
    assert shown == LAYERS


@pytest.mark.parametrize(
    "source",
    [
        "from asimov.cli.terminal import output",
        "def f():\n    from asimov.cli.terminal.output import write",
        "import asimov.cli.terminal.output",
        "if TYPE_CHECKING:\n    from asimov.cli.terminal import output",
        "import_module('asimov.cli.terminal.output')",
        "importlib.import_module('asimov.cli.terminal.output')",
        "MODULES = ('asimov.cli.terminal.output',)",
        "WHERE = {'name': 'asimov.cli.terminal.output:write'}",
    ],
)
def test_every_kind_of_import_is_seen(source: str) -> None:
    assert imported(source) == {"cli.terminal.output"}


def test_a_module_named_by_a_value_is_its_package() -> None:
    assert imported("import_module(f'asimov.cli.{name}')") == {"cli"}


def test_an_older_name_is_its_module_in_compat() -> None:
    assert imported("import_module('asimov.review').Review") == {"compat.names.review"}


def test_an_entry_point_group_is_no_import() -> None:
    assert not imported("GROUP = 'asimov.pipelines'")
