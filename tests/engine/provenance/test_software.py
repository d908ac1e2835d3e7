"""The environment of packages that a program belongs to."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from asimov.engine.provenance.software import software_of


def test_a_program_of_a_virtual_environment_has_its_packages() -> None:
    found = software_of(str(Path(sys.prefix, "bin", "python")))
    assert found is not None and found.prefix == sys.prefix
    assert f"click=={version('click')}" in found.packages


def test_packages_of_conda_are_read_and_a_new_one_is_seen(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "lal-data-7.1.2-h1_0.json").touch()
    program = str(tmp_path / "bin" / "run")
    assert software_of(program).packages == ["lal-data==7.1.2"]  # type: ignore[union-attr]
    (tmp_path / "conda-meta" / "bilby-2.2-py_0.json").touch()
    found = software_of(program)
    assert found is not None and found.packages == ["bilby==2.2", "lal-data==7.1.2"]


def test_other_programs_belong_to_none(tmp_path: Path) -> None:
    assert software_of(str(tmp_path / "bin" / "run")) is None
    assert software_of(str(tmp_path / "run")) is None
