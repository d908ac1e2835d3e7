"""Modules of asimov that run in processes of their own see nothing of the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asimov.system.module_command import module_command
from tests.traps import lay_traps, sprung


@pytest.mark.parametrize("safe", ["", "1"])
def test_a_module_runs_as_usual_beside_files_with_the_names_of_modules(
    tmp_path: Path, safe: str
) -> None:
    lay_traps(tmp_path)
    done = subprocess.run(
        module_command("asimov", "--project", "/nowhere", "status"), cwd=tmp_path,
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONSAFEPATH": safe},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "/nowhere" in done.stderr
    assert not sprung(tmp_path)


def test_such_files_are_traps_for_python_itself(tmp_path: Path) -> None:
    lay_traps(tmp_path)
    command = [sys.executable, "-m", "asimov", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False,
                          env={**os.environ, "PYTHONSAFEPATH": ""})  # fmt: skip
    assert done.returncode
    assert sprung(tmp_path)
