"""A DAG submitted from another folder runs the same way on both schedulers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from asimov.scheduler import Scheduler
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import Tag, Ticket
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.observations import Gone
from tests.conftest import stop_local_scheduler

pytestmark = pytest.mark.htcondor

Run = Callable[[Path, str], Gone]

#: A DAG with all that may be relative, in what both schedulers carry out.
DAG = """
JOB first first.sub
JOB second n.sub DIR inner
VARS first word="hello"
SCRIPT PRE first note.sh $JOB
SCRIPT POST second note.sh $RETURN
PARENT first CHILD second
"""
#: What DAGMan alone carries out.
MORE = "INCLUDE more.inc\nSPLICE spliced spliced.dag\nSUBDAG EXTERNAL below below.dag\n"

FILES = {
    "say.sh": '#!/bin/sh\necho "$@"\n',
    "note.sh": '#!/bin/sh\necho "$@" >> notes\n',
    "inner/note.sh": '#!/bin/sh\necho "$@" >> notes\n',
    "first.sub": "executable = say.sh\narguments = $(word)\noutput = first.out\n",
    "inner/n.sub": "executable = ../say.sh\narguments = inner\noutput = inner.out\n",
    "included.sub": "executable = say.sh\narguments = included\noutput = included.out\n",
    "spliced.sub": "executable = say.sh\narguments = spliced\noutput = spliced.out\n",
    "below.sub": "executable = say.sh\narguments = below\noutput = below.out\n",
    "more.inc": "JOB included included.sub\n",
    "spliced.dag": "JOB one spliced.sub\n",
    "below.dag": "JOB one below.sub\n",
}


@pytest.fixture(params=["local", "htcondor"])
def run(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Submit from the project's folder, and wait for the end."""
    monkeypatch.chdir(tmp_path)
    project = f"folders-{uuid.uuid4()}"
    config = ConfigParser()
    config.read_dict({"project": {"id": project}})
    scheduler: Scheduler
    if request.param == "htcondor":
        request.getfixturevalue("pool")
        scheduler = HTCondor.from_project(tmp_path, config)
    else:
        scheduler = LocalScheduler.from_project(tmp_path, config)

    def submitted(path: Path, kind: str) -> Gone:
        uid = str(uuid.uuid4())
        with scheduler.tagged(Tag(project, "s/a", uid)):
            number = scheduler.submit_dag(path) if kind == "dag" else scheduler.submit(path)
        end = time.monotonic() + 300
        while True:
            answer = scheduler.observe([Ticket(uid, number, time.time() - 60)])[uid]
            if isinstance(answer, Gone):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.1)

    yield submitted
    stop_local_scheduler(tmp_path)


def folder(tmp_path: Path, dag: str) -> Path:
    made = tmp_path / "working" / "s" / "a"
    for name, text in FILES.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + ("log = nodes.log\nqueue\n" if name.endswith(".sub") else ""))
        path.chmod(0o755)
    (made / "x.dag").write_text(dag)
    return made


def written(made: Path) -> dict[str, str]:
    found = [path for path in made.rglob("*") if path.suffix == ".out" or path.name == "notes"]
    # DAGMan's own are x.dag.dagman.out and the like.
    mine = [path for path in found if ".dag." not in path.name]
    return {str(path.relative_to(made)): path.read_text() for path in mine}


def strays(tmp_path: Path) -> set[str]:
    """Return what lies in the project's folder."""
    return {path.name for path in tmp_path.iterdir()} - {"working", ".asimov"}


def test_a_dag_whose_files_are_beside_it_runs_from_the_projects_folder(
    run: Run, tmp_path: Path
) -> None:
    made = folder(tmp_path, DAG)
    end = run(Path("working/s/a/x.dag"), "dag")
    assert end.exit_code == 0, (end, (made / "x.dag.dagman.out"))
    assert written(made) == {
        "first.out": "hello\n",
        "inner/inner.out": "inner\n",
        "notes": "first\n",
        "inner/notes": "0\n",
    }
    assert strays(tmp_path) == set()


def test_a_submit_file_whose_files_are_beside_it_runs_from_the_projects_folder(
    run: Run, tmp_path: Path
) -> None:
    made = folder(tmp_path, "")
    assert run(Path("working/s/a/included.sub"), "file").exit_code == 0
    assert written(made) == {"included.out": "included\n"}
    assert strays(tmp_path) == set()


@pytest.mark.parametrize("run", ["htcondor"], indirect=True)
def test_what_a_dag_takes_from_other_files_is_found_beside_it(run: Run, tmp_path: Path) -> None:
    made = folder(tmp_path, MORE)
    assert run(made / "x.dag", "dag").exit_code == 0
    assert written(made) == {
        f"{name}.out": f"{name}\n" for name in ("included", "spliced", "below")
    }
    assert strays(tmp_path) == set()


def test_a_dag_that_names_its_files_from_the_project_still_runs(run: Run, tmp_path: Path) -> None:
    made = folder(tmp_path, "JOB a working/s/a/far.sub\n")
    text = "executable = working/s/a/say.sh\narguments = far\noutput = working/s/a/far.out\n"
    (made / "far.sub").write_text(f"{text}log = {made}/nodes.log\nqueue\n")
    assert run(made / "x.dag", "dag").exit_code == 0
    assert written(made) == {"far.out": "far\n"}


def test_a_dag_that_failed_goes_on_from_its_rescue_file(run: Run, tmp_path: Path) -> None:
    made = folder(tmp_path, "JOB good first.sub\nJOB bad bad.sub\nPARENT good CHILD bad\n")
    (made / "bad.sub").write_text("executable = bad.sh\nlog = nodes.log\nqueue\n")
    (made / "bad.sh").write_text("#!/bin/sh\nexit 1\n")
    (made / "bad.sh").chmod(0o755)
    assert run(Path("working/s/a/x.dag"), "dag").exit_code == 1
    assert (made / "x.dag.rescue001").exists()
    (made / "first.out").unlink()
    (made / "bad.sh").write_text("#!/bin/sh\nexit 0\n")
    assert run(Path("working/s/a/x.dag"), "dag").exit_code == 0
    assert not (made / "first.out").exists()
