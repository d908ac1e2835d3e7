"""The page on extension points lists them all, and its example works as an installed package."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov.discovery import extensions
from tests.test_docs import DOCS, blocks, commands, masked, shown

PAGE = DOCS / "extending.md"


def code(language: str) -> str:
    return "\n".join(block.text for block in blocks(PAGE) if block.language == language)


def test_the_page_lists_every_extension_point() -> None:
    rows = re.findall(r"^\| `(asimov\.\w+)` \| (.+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert dict(rows) == extensions.GROUPS


def test_the_example_does_what_the_page_shows(
    installed_package: Callable[..., Path], project: Path, quick_shell: Callable[..., Any]
) -> None:
    points = re.sub(r'^\[project.entry-points."(.*)"\]$', r"[\1]", code("toml"), flags=re.M)
    packages = installed_package("tides", {"tides.py": code("python")}, points.replace('"', ""))
    (project / "blueprint.yaml").write_text(code("yaml"))
    for block in blocks(PAGE):
        for command, expected in commands(block) if block.language == "console" else ():
            ran = quick_shell(f"exec 2>&1\n{command}", cwd=project, PYTHONPATH=str(packages))
            assert ran.code == 0, ran
            actual = "".join(f"{masked(line)}\n" for line in ran.out.splitlines())
            assert shown(expected).fullmatch(actual), f"{PAGE.name}:{block.line}: {ran.out}"
    program = (
        "from asimov.project.workspace import Workspace; workspace = Workspace.open(); "
        "print(workspace.analysis(workspace.key('cuxhaven', 'spectrum')).station, "
        "workspace.project.config.get('tides', 'archive'))"
    )
    ran = quick_shell(f'python -c "{program}"', cwd=project, PYTHONPATH=str(packages))
    assert ran.out == "Steubenhöft /data/tides\n", ran
