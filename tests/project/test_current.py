from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asimov.project import current


class Opened:
    def __init__(self, root: Path) -> None:
        self.project = SimpleNamespace(root=root)
        self.journal = SimpleNamespace(closed=False)


@pytest.fixture(autouse=True)
def none_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[weakref.ref[current.CurrentProject]] = []
    monkeypatch.setattr(current, "_opened", opened)
    yield


def test_the_project_around_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / "a", tmp_path / "b"]
    projects = [Opened(root) for root in roots]
    for each in projects:
        each.project.root.mkdir()
        current.remember(each)
    monkeypatch.chdir(roots[0])
    assert current.workspace() is projects[0]
    monkeypatch.chdir(tmp_path)  # in no project: the last one
    assert current.workspace() is projects[1]
    projects[1].journal.closed = True
    assert current.workspace() is projects[0]


def test_in_a_project_that_is_not_open_there_is_none(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Opened(tmp_path / "other")
    current.remember(other)
    monkeypatch.chdir(project)
    assert current.workspace() is None


def test_a_project_that_nobody_keeps_is_forgotten(tmp_path: Path) -> None:
    current.remember(Opened(tmp_path))
    assert current.workspace() is None
