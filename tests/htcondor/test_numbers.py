"""A reinstalled schedd counts its jobs from 1 again: a number alone identifies no job."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from asimov.project.workspace import Workspace
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import JobDescription, Tag
from asimov.scheduler.languages import event_log_writer as events
from tests.htcondor.conftest import OnAPool

pytestmark = pytest.mark.htcondor


@pytest.mark.parametrize("tagged", [True, False], ids=["another project's", "nobody's"])
@pytest.mark.parametrize("logged", [True, False], ids=["with a log", "without a log"])
def test_another_job_of_the_number_is_neither_followed_nor_removed(
    on_a_pool: OnAPool, condor: HTCondor, project: str, tagged: bool, logged: bool
) -> None:
    on_a_pool.apply(
        "{kind: subject, name: s}\n---\n"
        "{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}\n"
    )
    job = JobDescription("/bin/true", hold=True)
    if tagged:
        with condor.tagged(Tag(project, "t/b", "of another attempt")):
            number = condor.submit(job)
    else:
        number = condor.submit(job)
    try:
        _follow(on_a_pool, number, logged)
        on_a_pool.run("monitor")
        (row,) = json.loads(on_a_pool.run("status", "--json").out)
        assert (row["status"], row["job_state"]) == ("running", "lost")
        on_a_pool.run("production", "set", "s", "a", "--status", "restart")
        on_a_pool.run("monitor")
        assert on_a_pool.states() == {"s/a": "ready"}
        assert _queued(number) == "5"
    finally:
        subprocess.run(["condor_rm", str(number)], check=False, capture_output=True)


def _follow(on_a_pool: OnAPool, number: int, logged: bool) -> None:
    """Record in the journal that an analysis has a job with a number since two days ago."""
    log = on_a_pool.root / "working" / "s" / "a" / "job.log"
    log.parent.mkdir(parents=True)
    then = time.time() - 2 * 86400
    if logged:
        attributes = {"AsimovUID": "uid-of-a", "TotalSubmitProcs": "1"}
        events.append_events(log, events.submitted(number, 0, then + 1, tags=attributes))
    workspace: Any = Workspace.open(on_a_pool.root)
    with closing(workspace.journal) as journal:
        place = workspace.scheduler().place
        journal.intend(("s", "a"), "uid-of-a", "run", "htcondor", place)
        journal.write("UPDATE attempts SET intended = ?", (then,))
        journal.submitted("uid-of-a", number, [workspace.project.stored(log)])
        workspace.move(("s", "a"), "running", "submit", "as a test says")


def _queued(number: int) -> str:
    done = subprocess.run(
        ["condor_q", str(number), "-af", "JobStatus"], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
