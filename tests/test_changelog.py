"""Changelog fragments have names that the tool at release time understands."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TYPES = re.findall(
    r'^\[\[tool\.towncrier\.type\]\]\ndirectory = "(\w+)"',
    (TOP / "pyproject.toml").read_text(),
    flags=re.MULTILINE,
)


def test_fragments_are_named_after_an_issue_or_a_subject_and_a_type() -> None:
    assert TYPES == ["added", "changed", "fixed", "removed"]
    name = re.compile(rf"(\d+|\+[\w-]+)\.({'|'.join(TYPES)})\.md")
    for path in (TOP / "changelog.d").iterdir():
        if path.name not in {"README.md", ".gitignore"}:
            assert name.fullmatch(path.name), f"{path.name}: changelog.d/README.md has the form"
            assert path.read_text().strip(), f"{path.name} is empty"


def test_the_page_on_fragments_has_every_type() -> None:
    page = (TOP / "changelog.d" / "README.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE) == TYPES


def test_the_changelog_has_the_line_below_which_releases_go() -> None:
    (start,) = re.findall(r'^start_string = "(.*)\\n"$', (TOP / "pyproject.toml").read_text(), re.M)
    assert f"\n{start}\n" in (TOP / "CHANGELOG.md").read_text()
