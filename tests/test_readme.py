"""The pages beside the code: links lead somewhere, and what they name is there.

`test_docs` runs the commands of the README.
"""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

from asimov import __version__
from asimov.discovery import entrypoints

TOP = Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
]


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


def named(page: str) -> set[str]:
    """Return the paths and modules that a page names in backticks or in lists of modules."""
    text = (TOP / page).read_text()
    found = {name.rstrip("/") for name in re.findall(r"`([\w./-]+/[\w./-]*|[\w.]+\.py)`", text)}
    return found | set(re.findall(r"`(asimov(?:\.\w+)+)`", text))


#: Places in a project, and names that stand for something.
OF_PROJECTS = {".asimov", "ledger", "checkouts", "working", "results", "pages", "logs", "uploads"}


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md"])
def test_modules_and_files_that_a_page_names_exist(page: str) -> None:
    for name in named(page):
        if "NAME" in name or (name.partition("/")[0] in OF_PROJECTS and "." not in name[1:]):
            continue
        if name.startswith((".asimov/", ".venv/", "build/")):
            continue
        if name.startswith("asimov.") and "/" not in name and not name.endswith(".py"):
            assert importable(name), name
        else:
            assert (TOP / name).exists() or (TOP / "asimov" / name).exists(), name


def importable(name: str) -> bool:
    """Say whether a dotted name is an entry-point group, a module, or something in a module."""
    if name in vars(entrypoints).values() or name in {"asimov.pipelines", "asimov.templates"}:
        return True
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_package_stands_in_the_architecture() -> None:
    text = (TOP / "ARCHITECTURE.md").read_text()
    table = text.partition("| package | contains |")[2].partition("\n\n")[0]
    rows = set(re.findall(r"^\| `(\w+)/` \|", table, flags=re.MULTILINE))
    there = {path.parent.name for path in (TOP / "asimov").glob("*/__init__.py")}
    assert rows == there


def test_the_architecture_fits_on_two_screens() -> None:
    assert len((TOP / "ARCHITECTURE.md").read_text().splitlines()) <= 150


def test_the_changelog_has_this_version() -> None:
    assert __version__.partition(".dev")[0] in (TOP / "CHANGELOG.md").read_text()


def test_the_readme_says_that_no_code_is_shared_with_the_older_program() -> None:
    text = " ".join((TOP / "README.md").read_text().split())
    assert "independent implementation" in text.lower()
    assert "no code is shared" in text
