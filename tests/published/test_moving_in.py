"""A project made live by the real program, with either ledger, is imported and goes on here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.importing.test_move import tree
from tests.conftest import Ran
from tests.published.conftest import ENVIRONMENTS
from tests.published.old_project import make

#: The release that is asked; its environment has no asimov of ours.
RELEASE = "asimov==0.8.0"


@pytest.fixture(scope="module")
def programs() -> Path:
    """The programs of the real release, in an environment of its own."""
    folder = ENVIRONMENTS / "asimov-0.8.0"
    mark = folder / "installed.txt"
    if not mark.exists() or mark.read_text() != RELEASE:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--no-compile", RELEASE]
        subprocess.run(pip, check=True)
        mark.write_text(RELEASE)
    return folder / "bin"


@pytest.mark.parametrize("engine", ["yamlfile", "sqlite"])
def test_a_live_project_is_moved(
    pool: None, programs: Path, tmp_path: Path, shell, engine: str
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    make(programs, old, engine)
    before = tree(old)
    for command in ("init New --scheduler htcondor", f"ledger import {old}"):
        ran: Ran = shell(f"asimov {command}", cwd=new)
        assert ran.code == 0, ran
    assert tree(old) == before
    assert "Jobs that are followed from now on: 1" in ran.out
    assert shell("asimov monitor", cwd=new).code == 0
    rows = json.loads(shell("asimov status --json", cwd=new).out)
    states = {row["name"]: row["status"] for row in rows}
    # Its job has ended meanwhile, without the file that the pipeline of this name makes here.
    assert states.pop("going") == "stuck"
    log = shell("asimov log GW1 going", cwd=new).out
    assert "is in the queue" in log or "has ended, and the next pass judges how" in log
    assert "exit code 0" in log
    assert states == {
        "done": "uploaded",
        "later": "wait",
        "again": "wait",
        "combined": "wait",
        "unready": "wait",
        "everything": "wait",
    }


def test_the_list_of_its_commands_is_that_of_the_release(programs: Path) -> None:
    listed = subprocess.run(
        [programs / "python", Path(__file__).with_name("list_commands.py")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    kept = Path(__file__).parents[1] / "compat" / "importing" / "commands-0.8.0.txt"
    assert listed.stdout == kept.read_text()
