"""``asimov plugins new --kind function``: the package passes its tests and runs as it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.catalogue.written_package import Written, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("function"), "my-walk", "function")


def test_it_passes_its_own_tests(made: Written, shell: Callable[..., Any]) -> None:
    made.run_its_tests(shell, 3)


def test_its_blueprint_runs_by_the_commands_of_its_readme(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    out = made.run_its_readme(quick_shell, tmp_path)
    assert json.loads(out)["variance"] == pytest.approx(100, rel=0.3)


def test_it_is_listed_and_its_name_is_taken(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    _, packages = made
    ran = quick_shell("asimov plugins list --kind function --json", PYTHONPATH=str(packages))
    (told,) = json.loads(ran.out)
    assert (told["name"], told["package"], told["loads"]) == ("my_walk", "asimov-my-walk", True)
    shown = quick_shell("asimov plugins show my_walk", PYTHONPATH=str(packages))
    assert "my_walk: walkers, steps, seed" in shown.out
    assert "asimov_my_walk.service" in shown.out
    again = quick_shell("asimov plugins new My-Walk", cwd=tmp_path, PYTHONPATH=str(packages))
    assert again.code == 1
    assert "there is already a pipeline 'my_walk'\n" in again.err


def test_a_setting_that_it_does_not_have_is_refused_by_apply(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    folder, packages = made
    text = (folder / "blueprint.yaml").read_text().replace("seed: 2", "sead: 2")
    (tmp_path / "wrong.yaml").write_text(text)
    ran = quick_shell(
        "asimov init --scheduler local X && asimov apply -f wrong.yaml",
        cwd=tmp_path, PYTHONPATH=str(packages),
    )  # fmt: skip
    assert ran.code == 1
    assert "settings: sead: 'my_walk' has no such setting; did you mean 'seed'?" in ran.err


def test_what_is_written_is_as_its_authors_would_have_it(made: Written) -> None:
    made.check_style()
