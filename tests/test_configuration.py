"""The configuration files."""

from __future__ import annotations

import ast
from configparser import NoOptionError
from pathlib import Path

import pytest

from asimov import configuration
from asimov.configuration import read, update_file, user_file
from asimov.errors import AsimovError


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_built_in_then_the_users_then_the_projects(tmp_path):
    assert read().get("storage", "directory") == "results"
    write(user_file(), "[storage]\ndirectory = mine\n[condor]\nuser = ada\n")
    write(tmp_path / configuration.PROJECT_FILE, "[storage]\ndirectory = ours\n")
    assert read().get("storage", "directory") == "mine"
    config = read(tmp_path)
    assert config.get("storage", "directory") == "ours"
    assert config.get("condor", "user") == "ada"


def test_the_projects_folder_is_where_it_is_whatever_the_file_says(tmp_path):
    write(tmp_path / configuration.PROJECT_FILE, "[project]\nroot = /elsewhere\n")
    assert read(tmp_path).get("project", "root") == str(tmp_path)


def test_what_published_plugins_expect_to_raise_does():
    with pytest.raises(NoOptionError):
        read().get("condor", "scheduler")


def test_percent_signs_mean_themselves(tmp_path):
    write(tmp_path / configuration.PROJECT_FILE, "[a]\nb = %(x)s 100%\n")
    assert read(tmp_path).get("a", "b") == "%(x)s 100%"


def test_without_a_home_the_built_in_values_hold(monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert read().get("storage", "directory") == "results"


def test_without_xdg_it_is_below_home(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_file() == tmp_path / ".config" / "asimov" / "asimov.conf"


def test_an_update_leaves_the_other_options(tmp_path):
    path = tmp_path / "asimov.conf"
    update_file(path, {("a", "x"): "1", ("b", "y"): "2"})
    update_file(path, {("a", "x"): "3"})
    assert path.read_text() == "[a]\nx = 3\n\n[b]\ny = 2\n\n"


def test_an_update_that_can_not_be_kept_leaves_the_file(tmp_path):
    path = tmp_path / "asimov.conf"
    update_file(path, {("a", "x"): "1"})
    for section, option in (("a]\n[b", "x"), ("a", "x = 2\ny"), ("DEFAULT", "x")):
        with pytest.raises(AsimovError):
            update_file(path, {(section, option): "2"})
    assert path.read_text() == "[a]\nx = 1\n\n"


def test_a_broken_file_of_the_user_names_itself():
    write(user_file(), "[a]\nb = 1\n[a]\n")
    with pytest.raises(AsimovError) as told:
        read()
    assert str(told.value) == (
        f"{user_file()}:3: is not a configuration file: it contains a section twice"
    )


def test_a_folder_in_the_place_of_a_file(tmp_path):
    Path(tmp_path / configuration.PROJECT_FILE).mkdir(parents=True)
    with pytest.raises(AsimovError, match="can't be read: Is a directory"):
        read(tmp_path)


def test_every_numeric_option_that_is_read_is_in_the_table():
    read_by_code = set()
    for path in Path(configuration.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("number", "_whole")):
                words = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if [*map(type, words[:2])] == [str, str]:
                    read_by_code.add("/".join(words[:2]))
    assert read_by_code == configuration.NUMBERS.keys()
