"""A program is found where it is now, however often it was found before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asimov.system.programs import on_path


def test_a_program_that_is_installed_moved_or_removed_later_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv("PATH", f"{first}:{second}")
    assert on_path("tool") is None
    (second / "tool").write_text("#!/bin/sh\n")
    (second / "tool").chmod(0o755)
    assert on_path("tool") == str(second / "tool")
    shutil.move(second / "tool", first / "tool")
    assert on_path("tool") == str(first / "tool")
    (first / "tool").unlink()
    assert on_path("tool") is None


def test_another_path_is_another_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert on_path("tool") == str(tmp_path / "tool")
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    assert on_path("tool") is None
