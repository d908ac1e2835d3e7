"""``asimov plugins new --kind container``: the package passes its tests and runs as it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.containers import with_runtimes
from tests.plugins.catalogue.written_package import Written, write

__all__ = ["with_runtimes"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("container"), "my-walk", "container")


def test_it_passes_its_own_tests(
    made: Written, shell: Callable[..., Any], with_runtimes: None
) -> None:
    made.run_its_tests(shell, 2)


def test_its_blueprint_runs_by_the_commands_of_its_readme(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path, with_runtimes: None
) -> None:
    out = made.run_its_readme(quick_shell, tmp_path)
    assert json.loads(out)["variance"] == pytest.approx(100, rel=0.3)


def test_it_is_shown_with_all_that_it_declares(
    made: Written, quick_shell: Callable[..., Any]
) -> None:
    ran = quick_shell("asimov plugins show my_walk --json", PYTHONPATH=str(made[1]))
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert {row["setting"] for row in told["settings"]} >= {"image", "command", "walkers"}
    assert told["outputs"]


def test_a_setting_that_it_does_not_have_is_pointed_out_by_apply(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    folder, packages = made
    text = (folder / "blueprint.yaml").read_text().replace("seed: 2", "sead: 2")
    (tmp_path / "wrong.yaml").write_text(text.replace("image: image", "image: a/b"))
    ran = quick_shell(
        "asimov init --scheduler local X && asimov apply -f wrong.yaml",
        cwd=tmp_path, PYTHONPATH=str(packages),
    )  # fmt: skip
    assert "did you mean 'seed'?" in ran.err


def test_what_is_written_is_as_its_authors_would_have_it(made: Written) -> None:
    made.check_style()
