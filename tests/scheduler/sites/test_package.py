"""A package publishes a site of its own: the example of the documentation works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.test_docs import DOCS, blocks

PAGE = DOCS / "sites.md"


def code(language: str) -> str:
    return "\n".join(block.text for block in blocks(PAGE) if block.language == language)


def test_the_site_of_the_page_is_found_and_its_rule_quoted(
    installed_package: Callable[..., Path], project: Path, quick_shell: Callable[..., Any]
) -> None:
    points = re.sub(r'^\[project.entry-points."(.*)"\]$', r"[\1]", code("toml"), flags=re.M)
    packages = installed_package("harbour", {"harbour.py": code("python")}, points.replace('"', ""))

    def run(command: str, code: int = 0) -> str:
        ran = quick_shell(f"exec 2>&1\n{command}", cwd=project, PYTHONPATH=str(packages))
        assert ran.code == code, ran
        return str(ran.out)

    assert "harbour" in run("asimov configuration site")
    assert "Every job names its pier." in run("asimov configuration site harbour")
    (project / "boat.yaml").write_text(
        "{kind: subject, name: s}\n---\n{kind: analysis, subject: s, name: a, pipeline: command,\n"
        " executable: echo, arguments: [hi], outputs: {o: job.out}}\n"
    )
    run("asimov apply -f boat.yaml")
    told = run("asimov manage build", code=1)
    assert "my.pier is missing: set '+Pier' under 'scheduler:'" in told
    assert 'Harbour cluster: "Every job names its pier." (https://harbour.example' in told
