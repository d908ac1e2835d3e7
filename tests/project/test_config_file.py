"""The template of a configuration is found in the first folder that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.project.config_file import find_template


def test_an_absolute_path_that_is_not_there_was_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(AsimovError, match="there is no template") as raised:
        find_template(tmp_path / "own.ini", [tmp_path])
    assert (
        raised.value.hint == "if it belongs to a package, list it in the package's 'package-data'"
    )


def test_a_template_that_is_nowhere_is_told_with_the_places(tmp_path: Path) -> None:
    with pytest.raises(AsimovError) as raised:
        find_template("nosuch.ini", [tmp_path / "one", tmp_path / "two"])
    assert str(raised.value) == "there is no template 'nosuch.ini'"
    assert raised.value.hint == f"looked in {tmp_path}/one, {tmp_path}/two"


def test_the_first_folder_that_has_a_template_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (two / "t.ini").write_text("two")
    assert find_template("t.ini", [one, two]) == two / "t.ini"
    (one / "t.ini").write_text("one")
    assert find_template("t.ini", [one, two]) == one / "t.ini"
    assert find_template(two / "t.ini", [one]) == two / "t.ini"
