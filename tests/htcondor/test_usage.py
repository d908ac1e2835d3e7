"""What ended jobs used, from the history of the real pool."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor, connection, usage
from asimov.scheduler.jobs import JobDescription, Tag
from asimov.scheduler.observations import Usage

pytestmark = pytest.mark.htcondor


@pytest.fixture
def since() -> float:
    return time.time() - 60


def _program(folder: Path, name: str, script: str) -> Path:
    program = folder / f"{name}.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def _dag(folder: Path, text: str, **scripts: str) -> Path:
    for name, script in scripts.items():
        _program(folder, name, script)
        commands = f"executable = {name}.sh\nlog = n.log\nrequest_cpus = 2\nqueue\n"
        (folder / f"{name}.sub").write_text(commands)
    path = folder / "x.dag"
    path.write_text(text)
    return path


def test_the_usage_of_jobs_that_have_ended(
    condor: HTCondor, ask: Any, project: str, tmp_path: Path, since: float
) -> None:
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 1"
    ids = {}
    for name, script, wanted in (
        ("working", busy, {"memory": 100, "cpus": 3}),
        # More memory, so that none of them runs in the slot of three that the other job leaves.
        ("many", "exit 1", {"queue": 3, "memory": 300}),
        ("waiting", "exit 0", {"requirements": "false"}),
        ("never", "exit 0", {"requirements": "false"}),
    ):
        with condor.tagged(Tag(project, f"subject/{name}", name + project)):
            ids[name] = condor.submit(JobDescription(_program(tmp_path, name, script), **wanted))
    condor.remove(ids["never"])
    for name in ("working", "many", "never"):
        ask.left(name + project, ids[name])
    used = condor.usage([*ids.values(), 99_999_999], since)
    assert used.keys() == {ids["working"], ids["many"], ids["never"]}
    working = used[ids["working"]]
    assert working.wall_seconds >= 1 and working.cpu_seconds is not None
    assert (working.processes, working.slots, working.restarts) == (1, 3, 0)
    assert working.memory_requested_mb == 100
    assert (used[ids["many"]].processes, used[ids["many"]].slots) == (3, 3)
    assert used[ids["never"]] == Usage(0.0, processes=0)
    condor.remove(ids["waiting"])


def test_the_usage_of_a_dag_is_that_of_its_nodes_and_of_the_dags_in_it(
    condor: HTCondor,
    ask: Any,
    project: str,
    tmp_path: Path,
    since: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    again = f"test -e {tmp_path}/tried && exit 0; touch {tmp_path}/tried; exit 3"
    text = "JOB a a.sub\nJOB again again.sub\nRETRY again 2\nSUBDAG EXTERNAL in inner.dag\n"
    dag = _dag(tmp_path, text, a="sleep 1", again=again, deep="exit 0")
    (tmp_path / "inner.dag").write_text("JOB deep deep.sub\n")
    with condor.tagged(Tag(project, "subject/used", "used-" + project)):
        number = condor.submit_dag(dag)
    assert condor.usage([number], since) == {}
    assert ask.left("used-" + project, number).exit_code == 0
    used = condor.usage([number], since)[number]
    assert (used.processes, used.slots, used.restarts) == (4, 8, 1)
    assert used.wall_seconds >= 1


def test_a_process_that_was_started_again_counts_as_restarted(
    condor: HTCondor, ask: Any, project: str, tmp_path: Path, since: float
) -> None:
    script = f"test -e {tmp_path}/tried && exit 0; touch {tmp_path}/tried; exit 85"
    job = JobDescription(
        _program(tmp_path, "again", script), on_exit_remove="ExitCode == 0", log=tmp_path / "log"
    )
    with condor.tagged(Tag(project, "subject/again", "again-" + project)):
        number = condor.submit(job)
    ask.left("again-" + project, number)
    assert condor.usage([number], since)[number].restarts == 1


def test_a_completed_job_that_stays_in_the_queue_is_counted(
    condor: HTCondor, ask: Any, project: str, since: float
) -> None:
    job = JobDescription("/bin/true", leave_in_queue="JobStatus == 4")
    with condor.tagged(Tag(project, "subject/kept", "kept-" + project)):
        number = condor.submit(job)
    ask.end("kept-" + project, number)
    assert condor.usage([number], since)[number].processes == 1


def test_one_job_among_thousands_that_nobody_knows_is_measured(
    condor: HTCondor, ask: Any, project: str, since: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with condor.tagged(Tag(project, "subject/one", "one-" + project)):
        number = condor.submit(JobDescription("/bin/true"))
    ask.left("one-" + project, number)
    strangers = range(80_000_000, 80_002_500)
    asked: list[str] = []
    own = connection.Connection.history

    def counted(self: Any, constraint: str, *rest: Any) -> Any:
        asked.append(constraint)
        return own(self, constraint, *rest)

    monkeypatch.setattr(connection.Connection, "history", counted)
    assert condor.usage([number, *strangers], since).keys() == {number}
    assert len(asked) == 3


def test_an_answer_that_is_cut_off_is_asked_for_in_parts(
    condor: HTCondor, ask: Any, project: str, since: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    for name in ("left", "right"):
        with condor.tagged(Tag(project, f"subject/{name}", name + project)):
            ids.append(condor.submit(JobDescription("/bin/true", queue=2)))
    for name, number in zip(("left", "right"), ids, strict=True):
        ask.left(name + project, number)
    own = connection.Connection.history
    monkeypatch.setattr(usage, "MOST", 3)
    monkeypatch.setattr(
        connection.Connection, "history", lambda self, *asked: own(self, *asked, most=3)
    )
    used = condor.usage(ids, since)
    assert [used[number].processes for number in ids] == [2, 2]
