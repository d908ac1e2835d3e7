"""Outages of a real pool: nothing is completed or submitted again because of one."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.htcondor import shards
from tests.htcondor.own_pool import OwnPool, Project, seed, started, until
from tests.sharded import installed

pytestmark = pytest.mark.htcondor

#: A job that ends when a file with its name is there.
WAITING = """
---
kind: analysis
event: s
name: {name}
pipeline: command
executable: sh
arguments: ["-c", "until test -e ../../../go-{name}; do sleep 0.1; done; echo {name} > out.txt"]
outputs: {{out: out.txt}}
"""
#: A DAG of one node that waits as these jobs do.
DAG = """---
kind: analysis
event: s
name: dag
pipeline: simpletestpipeline
scheduler:
  arguments: "\\"-c 'until test -e ../../../go-dag; do sleep 0.1; done; . ./node.sh'\\""
"""


def waiting(*names: str) -> str:
    """Return the blueprints of a subject and of jobs that wait to be let go."""
    return "{kind: subject, name: s}\n" + "".join(WAITING.format(name=name) for name in names)


@pytest.fixture(scope="module")
def own_pool() -> Iterator[OwnPool]:
    with started() as pool:
        pool.environment["PYTHONPATH"] = str(installed(pool.folder / "packages"))
        yield pool


@pytest.fixture
def project(own_pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, own_pool)
    yield made
    own_pool.recover()
    made.end()


def let_go(project: Project, *names: str) -> None:
    for name in names:
        (project.root / f"go-{name}").touch()


def run_all(project: Project) -> None:
    """Submit everything and return when every job runs."""
    project.run("monitor", "--chain")
    until(
        lambda: project.run("monitor") and project.rows(),
        lambda rows: {row["job_state"] for row in rows.values()} == {"running"},
        pause=0.5,
    )


def log_of(project: Project, name: str) -> Path:
    return project.root / "working" / "s" / name / "job.log"


def begin_to_submit(project: Project, *command: str) -> subprocess.Popen[bytes]:
    """Begin a command; return when it has just written what it is about to submit, if anything."""
    count = len(project.query("SELECT uid FROM attempts"))
    process = project.begin(*command)
    until(
        lambda: (
            len(project.query("SELECT uid FROM attempts")) > count or process.poll() is not None
        ),
        pause=0.005,
    )
    return process


def test_a_schedd_that_is_stopped_between_passes_changes_nothing(project: Project) -> None:
    project.apply(waiting("job") + DAG + shards.blueprint(project))
    run_all(project)
    project.apply(WAITING.format(name="later"))
    project.pool.stop()
    try:
        for command in (["monitor"], ["monitor", "--chain"]):
            told = project.run(*command, code=5).out
            assert re.search("the .*schedd .*can't be reached: ", told)
        rows = project.rows()
        assert {name: row["status"] for name, row in rows.items()} == {
            **dict.fromkeys(("job", "dag", *shards.NAMES), "running"), "later": "ready"
        }  # fmt: skip
        for name in ("job", "dag"):
            assert rows[name]["job_state"] == "unknown" and rows[name]["job_since"]
            assert re.search(
                r"unknown for \d+\w: the .*schedd .*can't be reached", rows[name]["waiting_for"][0]
            )
        why = project.run("why", "s", "job").out
        assert "can't report on job" in why
        assert re.search(r"its state has been unknown for \d+\w", why)
    finally:
        project.pool.begin()
    let_go(project, "job", "later", "dag")
    shards.let_go(project)
    assert set(project.finish().values()) == {"uploaded"}
    for name in ("job", "dag"):
        assert len(project.attempts(name)) == 1
    shards.check_shards(project)
    project.check_once()


@pytest.mark.long
def test_a_schedd_and_asimov_that_die_while_many_are_submitted_make_no_job_twice(
    project: Project,
) -> None:
    number = seed()
    print(f"CHAOS_SEED={number}")
    moments = random.Random(number)
    names = [f"a{i}" for i in range(12)]
    project.apply(waiting(*names) + DAG + shards.blueprint(project))
    let_go(project, *names)
    project.run("manage", "build")
    process = begin_to_submit(project, "manage", "submit")
    time.sleep(moments.uniform(0, 0.05))
    process.kill()
    process.wait()
    project.pool.stop()
    try:
        # What was submitted and not recorded can't be found out now, and is not given up.
        project.run("monitor", "--chain", code=5)
        assert not project.query("SELECT uid FROM attempts WHERE state = 'void'")
    finally:
        project.pool.begin()
    for command in (["manage", "submit"], ["monitor", "--chain"]):
        process = begin_to_submit(project, *command)
        time.sleep(moments.uniform(0, 0.15))
        project.pool.kill()
        assert process.wait(300) in {0, 5}
        project.pool.recover()
    let_go(project, "dag")
    shards.let_go(project)
    # A shadow that finds no starter waits longer and longer, up to five minutes.
    assert set(project.finish(seconds=400).values()) == {"uploaded"}
    for name in (*names, "dag"):
        ends = [each["state"] for each in project.attempts(name)]
        assert ends[-1] == "ended" and set(ends[:-1]) <= {"void"}
    shards.check_shards(project)
    project.check_once()


def test_a_schedd_that_keeps_silent_is_unknown_and_one_submission_is_one_job(
    project: Project,
) -> None:
    project.apply(waiting("job"))
    run_all(project)
    more = [f"a{i}" for i in range(6)]
    project.apply("".join(WAITING.format(name=name) for name in more))
    project.run("manage", "build")
    project.pool.freeze()
    try:
        # The bindings wait 20 s for an answer, and in one pass they do that once.
        told = project.run("monitor", "--chain", code=5).out
    finally:
        project.pool.thaw()
    assert "did not respond" in told
    assert project.states() == {"job": "running", **dict.fromkeys(more, "ready")}
    process = begin_to_submit(project, "monitor", "--chain")
    project.pool.freeze()
    time.sleep(1)  # as long as this there is no answer
    project.pool.thaw()
    process.wait(300)
    let_go(project, "job", *more)
    assert set(project.finish().values()) == {"uploaded"}
    project.check_once()


def test_a_queue_that_was_lost_ends_nothing_and_a_person_settles_what_nobody_knows(
    project: Project,
) -> None:
    project.apply(waiting("logged", "unlogged") + DAG)
    run_all(project)
    own = {name: project.attempts(name)[0]["job_id"] for name in ("logged", "unlogged", "dag")}
    project.pool.lose_queue()
    log_of(project, "unlogged").unlink()
    project.run("monitor", "--chain")
    rows = project.rows()
    assert {row["status"] for row in rows.values()} == {"running"}
    for name in ("logged", "dag"):
        assert rows[name]["job_state"] == "lost"
        [why] = rows[name]["waiting_for"]
        assert f"job {own[name]} is not in the queue, and its event log shows no ending" in why
    assert rows["unlogged"]["job_state"] == "lost"
    [why] = rows["unlogged"]["waiting_for"]
    assert why.endswith("(asked: queue, event log, history)")
    for name in own:
        assert [each["state"] for each in project.attempts(name)] == ["submitted"]
        project.run("production", "set", "s", name, "--status", "ready", code=1)
    # What became of a job that the queue does not have a person may say, and nobody else does.
    project.run("production", "set", "s", "logged", "--status", "cancelled")
    for name in ("unlogged", "dag"):
        project.run("production", "set", "s", name, "--status", "restart")
    project.run("monitor", "--chain")
    let_go(project, "unlogged", "dag")
    states = project.finish("cancelled", "uploaded")
    assert states == {"logged": "cancelled", "dag": "uploaded", "unlogged": "uploaded"}
    counted = {name: len(project.attempts(name)) for name in own}
    assert counted == {"logged": 1, "dag": 2, "unlogged": 2}
    assert project.attempts("logged")[0]["state"] == "ended"


@pytest.mark.long
def test_a_history_that_was_lost_and_a_collector_that_is_down(project: Project) -> None:
    project.apply(waiting("logged", "unlogged", "job"))
    run_all(project)
    let_go(project, "logged", "unlogged")
    until(lambda: all("\n005 (" in log_of(project, n).read_text() for n in ("logged", "unlogged")))
    log_of(project, "unlogged").unlink()
    project.pool.lose_history()
    project.run("monitor")
    rows = project.rows()
    assert (rows["logged"]["status"], rows["unlogged"]["status"]) == ("uploaded", "running")
    assert rows["unlogged"]["job_state"] == "lost"
    project.run("production", "set", "s", "unlogged", "--status", "finished")
    project.apply(WAITING.format(name="later"))
    project.pool.stop("collector")
    try:
        project.run("monitor", "--chain")
        assert project.states() == {
            "logged": "uploaded", "unlogged": "uploaded", "job": "running", "later": "running"
        }  # fmt: skip
        let_go(project, "job", "later")
        until(
            lambda: project.run("monitor") and project.states()["job"], "uploaded".__eq__, pause=0.5
        )
    finally:
        project.pool.begin("collector")
    project.finish()
    assert [len(project.attempts(name)) for name in rows] == [1, 1, 1]


def may_write(pool: OwnPool) -> bool:
    """Say whether the schedd lets this user change anything."""
    told = pool.tool("condor_ping", "-type", "schedd", "WRITE", check=False)
    return "succeeded" in told


def test_a_user_without_rights_changes_nothing(project: Project) -> None:
    project.apply(waiting("job"))
    run_all(project)
    project.apply(WAITING.format(name="later"))
    project.run("manage", "build")
    project.pool.configure("rights", "SCHEDD.DENY_WRITE = *\n")
    try:
        until(lambda: not may_write(project.pool))
        project.run("monitor")
        told = project.run("monitor", "--chain", code=5).out
        [line] = [line for line in told.splitlines() if line.startswith("s/later: ")]
        assert "does not allow this user to change anything: " in line and '"DENIED"' in line
        assert project.states() == {"job": "running", "later": "ready"}
        project.run("production", "set", "s", "job", "--status", "stop")
        project.run("monitor")
        row = project.rows()["job"]
        assert (row["status"], row["job_state"]) == ("stop", "unknown")
        assert "does not allow this user to change anything" in row["waiting_for"][1]
    finally:
        project.pool.configure("rights", None)
    until(lambda: may_write(project.pool))
    let_go(project, "later")
    assert project.finish("uploaded", "stopped") == {"job": "stopped", "later": "uploaded"}
    project.check_once()


def beginning_of_end(log: Path) -> str:
    """Return the first lines of an event that says that a log's job has ended."""
    [number] = set(re.findall(r"^001 (\([0-9.]+\))", log.read_text(), re.MULTILINE))
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"005 {number} {now} Job terminated.\n\t(1) Normal termination (return value 0)\n"


@pytest.mark.long
def test_logs_that_are_damaged_while_they_are_watched_end_nothing(project: Project) -> None:
    names = ["emptied", "deleted", "repeated", "torn", "whole", "canary"]
    project.apply(waiting(*names))
    run_all(project)
    watch = project.begin("monitor", "--watch")
    before = {name: log_of(project, name).read_bytes() for name in names}
    until(lambda: "6 running" in (project.root / "told.out").read_text())
    os.truncate(log_of(project, "emptied"), 0)
    log_of(project, "deleted").unlink()
    with log_of(project, "repeated").open("ab") as stream:
        stream.write(2 * before["repeated"])
    with log_of(project, "torn").open("a") as text:
        text.write(beginning_of_end(log_of(project, "torn")))
    let_go(project, "canary")
    # Its end is seen in its log: so the others have been looked at, too.
    states = until(project.states, lambda states: states["canary"] == "uploaded", pause=0.5)
    assert states == {**dict.fromkeys(names, "running"), "canary": "uploaded"}
    let_go(project, *names)
    told = {"emptied", "repeated", "torn", "whole"}
    until(
        lambda: {name for name, state in project.states().items() if state == "uploaded"} >= told,
        pause=0.5,
    )
    watch.terminate()
    watch.wait()
    assert set(project.finish().values()) == {"uploaded"}
    for name in names:
        [attempt] = project.attempts(name)
        assert attempt["exit_code"] == 0
    project.check_once()


def test_an_end_that_a_log_tells_before_the_start_is_the_end(project: Project) -> None:
    project.apply(waiting("job"))
    run_all(project)
    let_go(project, "job")
    log = log_of(project, "job")
    until(lambda: "\n005 (" in log.read_text())
    until(lambda: not project.pool.tool("condor_q", "-af", "ClusterId"))
    events = [f"{each}...\n" for each in log.read_text().split("...\n")[:-1]]
    [end] = [each for each in events if each.startswith("005 ")]
    log.write_text("".join(sorted(events, key=lambda each: each != end)))
    assert log.read_text().startswith("005 ")
    project.run("monitor")
    [attempt] = project.attempts("job")
    assert (attempt["exit_code"], attempt["evidence"]) == (0, "event log")
    assert project.states() == {"job": "uploaded"}
