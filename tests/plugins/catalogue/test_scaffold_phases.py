"""``asimov plugins new --kind phases``: the package passes its tests and runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.plugins.catalogue.scaffold import write_package
from tests.plugins.catalogue.test_scaffold import ALONE, pip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make the package, and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("phases")
    written = write_package("my-count", "phases", folder)
    pip("install", *ALONE, "--target", folder / "packages", written.folder)
    return written.folder, folder / "packages"


def test_it_passes_its_own_tests(made: tuple[Path, Path], shell: Callable[..., Any]) -> None:
    folder, packages = made
    ran = shell(
        f"'{sys.executable}' -m pytest -W error -p no:cacheprovider",
        cwd=folder, PYTHONPATH=str(packages),
    )  # fmt: skip
    assert ran.code == 0, ran
    assert "3 passed" in ran.out


def test_its_blueprint_runs_by_the_commands_of_its_readme(
    made: tuple[Path, Path], quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    folder, packages = made
    readme = (folder / "README.md").read_text()
    *_, demo = re.findall(r"^```console\n(.*?)^```$", readme, re.M | re.S)
    commands = [line.removeprefix("$ ") for line in demo.splitlines()]
    assert commands.pop(0) == "mkdir ../my_count-demo && cd ../my_count-demo"
    (tmp_path / "demo with a blank").mkdir()
    (tmp_path / folder.name).symlink_to(folder)
    for command in commands:
        given = command.replace("--until-idle", "--until-idle --interval 0.5 --timeout 100")
        ran = quick_shell(given, cwd=tmp_path / "demo with a blank", PYTHONPATH=str(packages))
        assert ran.code == 0, f"{command}: {ran}"
    seen, total = map(int, ran.out.split(" of "))
    assert 0.35 * total < seen < 0.65 * total


def test_a_parameter_that_it_does_not_have_is_told_by_apply(
    made: tuple[Path, Path], quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    folder, packages = made
    text = (folder / "blueprint.yaml").read_text().replace("efficiency", "eficiency")
    (tmp_path / "wrong.yaml").write_text(text)
    ran = quick_shell(
        "asimov init --scheduler local X && asimov apply -f wrong.yaml && asimov manage build",
        cwd=tmp_path, PYTHONPATH=str(packages),
    )  # fmt: skip
    assert ran.code == 1
    assert "eficiency: there is no such parameter; did you mean 'efficiency'?" in ran.out + ran.err


@pytest.mark.parametrize("command", ["check --select E,F,I,UP,B", "format --diff"])
def test_what_is_written_is_as_its_authors_would_have_it(
    made: tuple[Path, Path], command: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command.split(), "--isolated", "--line-length=100"],
        cwd=made[0], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
