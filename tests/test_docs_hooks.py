"""The examples of the page on hooks are a package that is installed, and its commands run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from tests.test_docs import DOCS, blocks, commands, masked, shown

PAGE = DOCS / "hooks.md"


def code(language: str) -> str:
    return "\n".join(block.text for block in blocks(PAGE) if block.language == language)


def test_the_examples_do_what_the_page_shows(
    installed_package: Callable[..., Path], project: Path, quick_shell: Callable[..., Any]
) -> None:
    points = re.sub(r'^\[project.entry-points."(.*)"\]$', r"[\1]", code("toml"), flags=re.M)
    packages = installed_package("weather", {"weather.py": code("python")}, points.replace('"', ""))
    (project / "blueprint.yaml").write_text(code("yaml"))
    before = 0
    for block in blocks(PAGE):
        for command, expected in commands(block) if block.language == "console" else ():
            assert not before or command == "echo $?"
            script = f"exec 2>&1; (exit {before})\n{command}"
            ran = quick_shell(script, cwd=project, PYTHONPATH=str(packages))
            before = ran.code
            actual = "".join(f"{masked(line)}\n" for line in ran.out.splitlines())
            told = f"{PAGE.name}:{block.line}: $ {command}\n{ran.out}"
            assert shown(expected).fullmatch(actual), told
    program = (
        "from asimov.project.workspace import Workspace; from asimov.plugins.hooks import fetch; "
        "print(fetch(Workspace.open(), 'archive', 'rain', 'map').decode())"
    )
    ran = quick_shell(f'python -c "{program}"', cwd=project, PYTHONPATH=str(packages))
    assert ran.out == "map of rain for Test project\n", ran


def test_the_page_has_every_group() -> None:
    groups = {
        entrypoints.POSTMONITOR,
        entrypoints.APPLICATOR,
        entrypoints.FILESOURCE,
        entrypoints.TELEMETRY,
        entrypoints.LABELLERS,
        entrypoints.MONITOR_STATES,
        entrypoints.COMMANDS,
        entrypoints.VOCABULARY,
    }
    assert set(re.findall(r"^\| `(asimov\.[\w.]+)` \|", PAGE.read_text(), re.M)) == groups
