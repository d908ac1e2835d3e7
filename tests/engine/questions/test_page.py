"""The example of the page on pipelines asks what the page shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.test_docs import DOCS, blocks, commands, masked, shown

PAGE = DOCS / "pipelines.md"
BLUEPRINT = """
{kind: subject, name: lab}
---
{kind: analysis, subject: lab, name: noise, pipeline: noise}
"""


def test_the_example_asks_and_goes_on_as_the_page_shows(
    installed_package: Callable[..., Path], project: Path, quick_shell: Callable[..., Any]
) -> None:
    first = PAGE.read_text().splitlines().index("## Questions")
    found = [block for block in blocks(PAGE) if block.line > first]
    code = next(block.text for block in found if block.language == "python")
    points = "[asimov.pipelines]\nnoise = noise:Noise"
    packages = installed_package("noise", {"noise.py": code}, points)
    (project / "noise.yaml").write_text(BLUEPRINT)
    block = next(block for block in found if block.language == "console")
    for command, expected in commands(block):
        ran = quick_shell(f"exec 2>&1; {command}", cwd=project, PYTHONPATH=str(packages))
        actual = "".join(f"{masked(line)}\n" for line in ran.out.splitlines())
        assert shown(expected).fullmatch(actual), f"$ {command}\n{ran.out}"
