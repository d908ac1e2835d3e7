"""The root folder of an image that is made from this machine's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from asimov.testing.image_root import write_root
from tests import containers


def test_a_program_and_its_packages_run_in_it(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    text = (
        "import os, sqlite3, ssl\nimport numpy\nprint(numpy.arange(3).sum(), os.listdir('/mnt'))\n"
    )
    root = write_root(tmp_path / "image", {"sum-up": text}, ["numpy"])
    try:
        ran = subprocess.run(
            [containers.programs() / "bwrap", "--ro-bind", root, "/", "--proc", "/proc", "--dev",
             "/dev", "--clearenv", "/usr/local/bin/sum-up"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.stdout == "3 []\n", ran.stderr
    finally:
        shutil.rmtree(root)


def test_its_programs_are_files_of_its_own(tmp_path: Path) -> None:
    root = write_root(tmp_path / "image", {"hello": "print('hello')\n"})
    program = root / "usr/local/bin/hello"
    assert os.access(program, os.X_OK)
    assert program.stat().st_nlink == 1
    assert {"bin", "dev", "etc", "mnt", "proc", "tmp", "usr"} <= {
        each.name for each in root.iterdir()
    }


def test_a_package_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="nosuchpackage"):
        write_root(tmp_path / "image", {}, ["nosuchpackage"])
