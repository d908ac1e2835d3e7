"""The pages beside the code: links lead somewhere, and what they name is there.

`test_docs` runs the commands of the README.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asimov import __version__

TOP = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_are_there(page: str) -> None:
    text = without_blocks((TOP / page).read_text())
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("https://"):
            assert (TOP / target).exists(), target


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    named = re.findall(r"\bmake (\w+)", (TOP / "README.md").read_text())
    targets = re.findall(r"^(\w+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE)
    assert {"demo", "test", "docs"} <= set(named) <= set(targets)


def test_modules_that_the_architecture_names_are_there_and_none_is_left_out() -> None:
    text = (TOP / "ARCHITECTURE.md").read_text()
    table = text.partition("| module | holds |")[2].partition("\n\n")[0]
    rows = [
        name
        for line in table.split("\n")[1:]
        for name in re.findall(r"`([\w/.]+)`", line.split("|")[1])
    ]
    there = {str(path.relative_to(TOP / "asimov")) for path in (TOP / "asimov").rglob("*.py")}
    for name in rows:
        assert (TOP / "asimov" / name).exists(), name
    covered = {
        name
        for name in there
        if name in rows or any(row.endswith("/") and name.startswith(row) for row in rows)
    }
    plumbing = {"__main__.py", "_version.py"}
    assert not {name for name in there - covered - plumbing if not name.endswith("__init__.py")}


def test_the_changelog_tells_of_this_version() -> None:
    assert __version__.partition(".dev")[0] in (TOP / "CHANGELOG.md").read_text()


def test_the_readme_says_that_no_code_is_shared_with_the_older_program() -> None:
    text = " ".join((TOP / "README.md").read_text().split())
    assert "independent implementation" in text.lower()
    assert "no code is shared" in text
