"""Attributes of objects that only published packages use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asimov.project.git.repository import AsimovFileNotFound, EventRepo
from asimov.project.workspace import Workspace


@pytest.fixture
def repo(tmp_path: Path) -> EventRepo:
    return EventRepo(tmp_path / "repo" / "s", tmp_path / "repo")


@pytest.mark.parametrize(
    ("method", "name"), [("find_timefile", "my-gps-time.txt"), ("find_coincfile", "x-coinc.xml")]
)
def test_packages_find_a_file_of_a_category_by_the_method_of_its_name(
    repo: Any, method: str, name: str
) -> None:
    with pytest.raises(AsimovFileNotFound, match="has no file") as told:
        getattr(repo, method)("cal")
    assert isinstance(told.value, FileNotFoundError)
    path = Path(repo.directory) / "cal" / name
    path.parent.mkdir(parents=True)
    path.write_text("x")
    assert getattr(repo, method)("cal") == str(path)
    with pytest.raises(AsimovFileNotFound):
        getattr(repo, method)()
    with pytest.raises(AttributeError, match="find_nothing"):
        repo.find_nothing()


@pytest.fixture
def made(project: Path, asimov: Any, blueprint: Any) -> Path:
    text = """
kind: subject
name: s
---
{kind: analysis, subject: s, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, subject: s, name: b, pipeline: simpletestpipeline}
"""
    assert asimov("apply", "-f", blueprint(text)).code == 0
    return project


def test_a_subject_has_its_folders_and_productions(made: Path) -> None:
    workspace: Any = Workspace.open(made)
    subject = workspace.subject("s")
    assert subject.work_dir == str(made / "working" / "s")
    assert subject.webdir == str(made / "pages" / "s")
    assert [each.name for each in subject.productions] == ["a", "b"]


def test_what_is_written_by_set_meta_is_kept_for_later_commands(made: Path) -> None:
    first: Any = Workspace.open(made)
    a = first.analysis(("s", "a"))
    a.set_meta("found", {"x": [1, 2]})
    a.subject.meta["shared"] = "by a"
    first.keep(a)
    first.journal.close()
    later: Any = Workspace.open(made)
    assert later.analysis(("s", "a")).get_meta("found") == {"x": [1, 2]}
    assert later.analysis(("s", "b")).get_meta("shared") == "by a"
    assert later.analysis(("s", "b")).get_meta("found") is None


def test_a_restart_resets_the_resurrections_that_a_package_counts(made: Path) -> None:
    workspace: Any = Workspace.open(made)
    a, b = (workspace.analysis(("s", name)) for name in "ab")
    a.meta["resurrections"] = 4
    a.start_over()
    b.start_over()
    assert a.meta["resurrections"] == 0
    assert "resurrections" not in b.meta
