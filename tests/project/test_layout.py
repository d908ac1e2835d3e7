"""Finding, making and opening projects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asimov import configuration
from asimov.errors import AsimovError
from asimov.project import layout


@pytest.fixture
def made(tmp_path):
    return layout.create("My project", tmp_path / "p", "local", {})


def test_it_is_found_from_any_folder_inside(made):
    deep = made.root / "a" / "b"
    deep.mkdir(parents=True)
    assert layout.find(deep).root == made.root
    assert layout.find(made.root).root == made.root


def test_the_nearest_of_two_is_taken(made):
    inner = layout.create("Inner", made.root / "inner", "local", {})
    assert layout.find(inner.ledger).name == "Inner"


def test_a_link_into_a_project_leads_to_it(made, tmp_path):
    (tmp_path / "link").symlink_to(made.ledger)
    assert layout.find(tmp_path / "link").root == made.root


def test_outside_there_is_none(tmp_path):
    with pytest.raises(AsimovError, match="is not in an asimov project") as told:
        layout.find(tmp_path)
    assert "asimov init NAME" in told.value.hint


def test_its_folders_are_inside_it(made):
    for folder in (made.ledger, made.working, made.results, made.logs):
        assert folder.is_dir()
        assert folder.is_relative_to(made.root)
    assert made.category == "analyses"
    assert made.name == "My project"
    assert made.id.startswith("My-project-")


def test_folders_can_be_elsewhere(tmp_path):
    options = {("general", "rundir_default"): str(tmp_path / "scratch")}
    made = layout.create("P", tmp_path / "p", "local", options)
    assert made.working == tmp_path / "scratch"


def test_what_is_stored_is_relative_where_it_lies_inside(made, tmp_path):
    inside, outside = made.root / "working" / "x", tmp_path / "y"
    assert made.stored(inside) == "working/x"
    assert made.stored("working/x") == "working/x"
    assert made.stored(outside) == str(outside)
    assert made.path(made.stored(inside)) == inside
    assert made.path(made.stored(outside)) == outside


def test_two_projects_of_one_name_have_two_identities(tmp_path):
    ids = {layout.create("P", tmp_path / each, "local", {}).id for each in "ab"}
    assert len(ids) == 2


def test_files_that_are_there_are_left_alone(tmp_path):
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "project.yaml").write_text("x: 1\n")
    layout.create("P", tmp_path, "local", {})
    assert (tmp_path / "ledger" / "project.yaml").read_text() == "x: 1\n"


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "\x1b[31m", "\udcff"])
def test_a_name_that_is_none(tmp_path, name):
    with pytest.raises(AsimovError, match="the project's name"):
        layout.create(name, tmp_path, "local", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["日本", "%(x)s", "[a] = #", "..", "x" * 200])
def test_a_name_that_is_odd(tmp_path, name):
    made = layout.create(name, tmp_path, "local", {})
    assert layout.find(tmp_path).name == name
    assert "/" not in made.id


def test_a_second_project_in_one_folder(made):
    with pytest.raises(AsimovError, match="this folder already contains a project"):
        layout.create("Again", made.root, "local", {})


def test_where_a_file_is_in_the_way_nothing_becomes_a_project(tmp_path):
    (tmp_path / "working").write_text("mine")
    with pytest.raises(AsimovError, match="working: can't be created"):
        layout.create("P", tmp_path, "local", {})
    assert not (tmp_path / configuration.PROJECT_FILE).exists()


def test_where_nobody_may_write(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can be sure of a file system that refuses")
    with pytest.raises(AsimovError, match="can't be written"):
        layout.create("P", Path("/proc/asimov"), "local", {})


def test_a_project_without_its_ledger(made):
    made.ledger.rename(made.root / "gone")
    with pytest.raises(AsimovError, match="the project's ledger folder is missing"):
        layout.find(made.root)


@pytest.mark.parametrize(
    "left",
    [
        *("", "\n\n", "[general]\nwebroot = pages\n", "[project]\n"),
        *("[project]\nname = p\n", "[project]\nname = p\nid =\n", "[project]\nid = p-1\n"),
        "[project]\njournal = .asimov/journal.db\n\n[scheduler]\ntype = local\n",
    ],
)
def test_a_project_file_that_has_lost_its_content_is_no_project_of_default_values(made, left):
    file = made.root / configuration.PROJECT_FILE
    file.write_text(left)
    with pytest.raises(
        AsimovError, match=r"has lost content: \[project\] (name|id) is missing"
    ) as raised:
        layout.find(made.root)
    assert str(file) in str(raised.value.where)
    assert "delete it" in raised.value.hint
    file.unlink()
    assert layout.create("My project", made.root, "local", {}).root == made.root
