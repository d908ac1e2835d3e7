"""Addresses of repositories: which of them are paths, and lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.project.git.addresses import is_missing
from asimov.project.layout import find


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("nowhere", True), ("/nowhere/at/all", True), ("file:///nowhere", True),
        ("ledger", False), (".", False), ("git@example.org:x/y", False),
        ("https://example.org/x", False), ("ssh://example.org/x", False),
    ],
)  # fmt: skip
def test_only_a_path_can_be_missing(project: Path, given: str, missing: bool) -> None:
    assert is_missing(given, find(project)) == missing
    assert not is_missing(f"file://{project}", find(project))
