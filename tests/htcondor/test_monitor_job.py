"""The monitor as a job of a real pool: it comes back whatever happens to it, and is only one."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.htcondor.own_pool import OwnPool, Project, started, until
from tests.htcondor.test_outages import let_go
from tests.htcondor.test_outages import waiting as waiting_jobs
from tests.searching import first

pytestmark = pytest.mark.htcondor


@pytest.fixture(scope="module")
def own_pool() -> Iterator[OwnPool]:
    """A pool that refuses what pools refuse."""
    with started() as pool:
        pool.configure(
            "strict", "SUBMIT_ALLOW_GETENV = false\nSUBMIT_REQUEST_MISSING_UNITS = error\n"
        )
        yield pool


@pytest.fixture
def project(own_pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "the project's folder"
    root.mkdir()
    made = Project(root, own_pool)
    made.run("configuration", "update", "condor/query interval", "0")
    yield made
    made.run("stop", code=None)
    made.end()


def waiting(name: str) -> str:
    """Return the blueprints of a job that waits to be let go, with requests that have units."""
    requests = "scheduler: {request memory: 64 MB, request disk: 1 MB}\noutputs:"
    return waiting_jobs(name).replace("outputs:", requests)


def attendance(project: Project) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(project.run("status", "--monitor", "--json").out)
    return told


def watcher(project: Project) -> int:
    """Return the process that watches now."""
    found = until(lambda: attendance(project)["watch"])
    return int(found.partition("process ")[2].partition(" on ")[0])


def job(project: Project) -> int:
    return int(attendance(project)["runs"].removeprefix("job "))


@pytest.mark.parametrize(("keeper", "universe"), first(1, [("job", "12"), ("scheduler-job", "7")]))
def test_it_comes_back_when_it_and_the_schedd_are_killed(
    project: Project, keeper: str, universe: str
) -> None:
    project.run("configuration", "update", "monitor/keeper", keeper)
    charged = "{kind: configuration, scheduler: {accounting group: group.of.rivers}}\n---\n"
    project.apply(charged + waiting("first"))
    assert "as job " in project.run("start", "--interval", "1").out
    found = project.pool.tool("condor_q", str(job(project)), "-af", "JobUniverse", "AcctGroup")
    assert found.split() == [universe, "group.of.rivers"]
    first = watcher(project)
    until(lambda: project.states()["first"] == "running")
    os.kill(first, signal.SIGKILL)
    second = until(lambda: watcher(project), lambda now: now != first)
    project.pool.kill()
    project.pool.recover()
    let_go(project, "first")
    until(lambda: project.states()["first"] == "uploaded")
    assert watcher(project)
    assert len(project.attempts("first")) == 1
    assert second != first
    project.run("stop")
    until(lambda: attendance(project)["watch"] is None)
    queue = ("condor_q", "-constraint", "true", "-af", "ClusterId")
    until(lambda: project.pool.tool(*queue), lambda told: told == "")  # it leaves soon after


@pytest.mark.long
def test_it_comes_back_after_a_reboot_and_carries_on(project: Project) -> None:
    project.apply(waiting("before").replace("{request", "{job lease duration: 60, request"))
    project.run("start", "--interval", "1")
    first = watcher(project)
    until(lambda: project.rows()["before"]["job_state"] == "running")
    project.pool.reboot()
    # HTCondor can't know that the job ended with its machine.
    told = until(lambda: project.run("why", "s", "before").out, lambda told: "lost contact" in told)
    assert re.search(r"it tries for \d+s to find it there, and then starts it again", told)
    until(lambda: watcher(project), lambda now: now != first)
    project.apply(waiting("after"))
    let_go(project, "before", "after")
    ends = {"before": "uploaded", "after": "uploaded"}
    until(project.states, lambda now: now == ends)
    assert [len(project.attempts(name)) for name in ends] == [1, 1]
    assert attendance(project)["alive"]


def test_a_second_watch_of_the_project_does_not_run_beside_it(project: Project) -> None:
    project.run("start", "--interval", "1")
    watcher(project)
    again = project.run("start", code=1).out
    assert "the monitor is already running in the background, as job " in again
    assert "another asimov process is using" in project.run("monitor", "--watch", code=6).out


def test_a_job_on_this_machine_is_recommended(project: Project) -> None:
    told = json.loads(project.run("start", "--how", "--json").out)
    assert told["recommended"] == "job"
    assert "HTCondor starts the monitor again" in told["why"]
    assert [way["problem"] for way in told["ways"] if "job" in way["name"]] == [None, None]
    project.run("configuration", "update", "condor/scheduler", "far@away")
    told = json.loads(project.run("start", "--how", "--json").out)
    (job,) = [way for way in told["ways"] if way["name"] == "job"]
    assert "far@away can't be reached" in job["problem"]
    assert told["recommended"] != "job"
