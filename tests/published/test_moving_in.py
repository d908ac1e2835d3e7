"""A project made live by the real program, with either ledger, is imported and goes on here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asimov.compat.importing.reading import read
from asimov.journal.keys import Key
from tests.compat.importing.test_move import tree
from tests.conftest import Ran
from tests.published import older_project
from tests.published.conftest import ENVIRONMENTS
from tests.published.old_project import make


def installed(release: str, *others: str) -> Path:
    """Return the programs of a real release, in an environment without an asimov of ours."""
    folder = ENVIRONMENTS / f"asimov-{release}"
    mark = folder / "installed.txt"
    wanted = [f"asimov=={release}", *others]
    if not mark.exists() or mark.read_text() != " ".join(wanted):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--no-compile", *wanted]
        subprocess.run(pip, check=True)
        mark.write_text(" ".join(wanted))
    return folder / "bin"


@pytest.fixture(scope="module")
def programs() -> Path:
    """The programs of 0.8.0."""
    return installed("0.8.0")


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
    assert "Jobs that asimov follows from now on: 1" in ran.out
    assert shell("asimov monitor", cwd=new).code == 0
    rows = json.loads(shell("asimov status --json", cwd=new).out)
    states = {row["name"]: row["status"] for row in rows}
    # Its job has ended meanwhile, without the file that the pipeline of this name makes here.
    assert states.pop("going") == "stuck"
    log = shell("asimov log GW1 going", cwd=new).out
    assert "is in the queue" in log or "has ended, and the next pass decides how" in log
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


#: Prints the settings of every analysis as that program computes them.
TELL = """
import json
from asimov import current_ledger
for event in current_ledger.get_event("GW1"):
    for analysis in event.productions:
        print(json.dumps([analysis.name, dict(analysis.meta)], default=str))
"""


#: Prints what that program reads of a ledger.
READ = """
import json
from asimov import current_ledger
for event in current_ledger.get_event():
    for each in event.productions:
        print(json.dumps([event.name, each.name, each.status, each.dependencies]))
"""


def test_the_program_reads_what_is_exported(programs: Path, tmp_path: Path, shell) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    (ours / "some.yaml").write_text(
        "{kind: event, name: GW1, event time: 1126259462.4, interferometers: [H1]}\n---\n"
        "{kind: analysis, event: GW1, name: first, pipeline: simpletestpipeline}\n---\n"
        "{kind: analysis, event: GW1, name: second, pipeline: simpletestpipeline, "
        "needs: [first], comment: after the first}\n"
    )
    for command in ("init Ours --scheduler local", "apply -f some.yaml", "ledger export all.yml"):
        assert shell(f"asimov {command}", cwd=ours).code == 0
    made = [programs / "asimov", "init", "Theirs", "--engine", "yamlfile"]
    subprocess.run(made, cwd=theirs, check=True, capture_output=True)
    shutil.copy(ours / "all.yml", theirs / ".asimov" / "ledger.yml")
    told = subprocess.run(
        [programs / "python", "-c", READ], cwd=theirs, check=True, capture_output=True, text=True
    ).stdout
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("[")]
    assert rows == [["GW1", "first", "ready", []], ["GW1", "second", "ready", ["first"]]]


@pytest.mark.parametrize("release", sorted(older_project.PIPELINES))
def test_a_project_of_an_older_release_is_moved(tmp_path: Path, shell, release: str) -> None:
    programs = installed(release, *older_project.WITH[release])
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    older_project.make(programs, release, old)
    told = subprocess.run(
        [programs / "python", "-c", TELL], cwd=old, check=True, capture_output=True, text=True
    ).stdout
    before = tree(old)
    assert shell("asimov init New --scheduler local", cwd=new).code == 0
    ran: Ran = shell(f"asimov ledger import {old} --without-scheduler", cwd=new)
    assert ran.code == 0, ran
    assert tree(old) == before
    assert (new / "results" / "GW1" / "done" / "posterior.dat").read_text() == "1 2 3\n"
    # What is said of the settings there is what that program computes.
    incoming = read(old)
    for line in filter(lambda line: line.startswith("["), told.splitlines()):
        name, meta = json.loads(line)
        there = incoming.arrivals[Key("GW1", name)].settings
        assert there["quality"] == meta["quality"]
        assert there.get("sampler", {}) == meta.get("sampler", {})
        assert there.get("interferometers") == meta.get("interferometers")
