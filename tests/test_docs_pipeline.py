"""The page on writing a pipeline shows the package in tests/plugin, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tests" / "plugin"
PAGE = (ROOT / "docs" / "writing-a-pipeline.md").read_text()
SHOWN = dict(re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
FILES = [
    str(path.relative_to(PACKAGE))
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in {".cfg", ".toml", ".py", ".ini", ".yaml"}
]


def test_the_page_shows_every_file_of_the_package() -> None:
    assert sorted(SHOWN) == sorted(FILES)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_what_the_page_shows_is_the_file(name: str) -> None:
    assert SHOWN[name] == (PACKAGE / name).read_text()
