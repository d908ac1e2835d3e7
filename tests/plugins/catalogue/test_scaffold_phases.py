"""``asimov plugins new --kind phases``: the package passes its tests and runs as it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.catalogue.written_package import Written, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("phases"), "my-count", "phases")


def test_it_passes_its_own_tests(made: Written, shell: Callable[..., Any]) -> None:
    made.run_its_tests(shell, 3)


def test_its_blueprint_runs_by_the_commands_of_its_readme(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
) -> None:
    out = made.run_its_readme(quick_shell, tmp_path)
    seen, total = map(int, out.split(" of "))
    assert 0.35 * total < seen < 0.65 * total


def test_a_parameter_that_it_does_not_have_is_told_by_apply(
    made: Written, quick_shell: Callable[..., Any], tmp_path: Path
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


def test_what_is_written_is_as_its_authors_would_have_it(made: Written) -> None:
    made.check_style()
