"""When jobs began on the real pool, what they wrote, and that cancelling removes them at once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import JobDescription, Tag
from asimov.scheduler.observations import Gone, JobState, Present

pytestmark = pytest.mark.htcondor


def test_a_job_tells_when_it_began_and_a_waiting_one_does_not(
    condor: HTCondor, ask: Any, project: str
) -> None:
    began = time.time()
    with condor.tagged(Tag(project, "s/runs", "runs" + project)):
        runs = condor.submit(JobDescription("/bin/sleep", arguments="900"))
    with condor.tagged(Tag(project, "s/waits", "waits" + project)):
        waits = condor.submit(JobDescription("/bin/sleep", requirements="false"))
    seen = ask.until(
        lambda each: isinstance(each, Present) and each.state is JobState.RUNNING,
        "runs" + project,
        runs,
    )
    assert began - 2 <= seen.started <= time.time() + 2
    waiting = ask.once("waits" + project, waits)
    assert (waiting.activity, waiting.started) == (JobState.IDLE, None)
    condor.remove(runs)
    condor.remove(waits)
    gone = ask.end("runs" + project, runs)
    assert isinstance(gone, Gone)
    assert gone.started_at == seen.started


TEXT = """
kind: subject
name: s
analyses:
- {name: long, pipeline: command, executable: /bin/sh, arguments: [-c, "echo begun; sleep 900"],
   outputs: {x: y}}
"""


def test_output_and_run_time_of_a_job_and_its_end_by_cancel(on_a_pool: Any) -> None:
    lab = on_a_pool
    (lab.root / "all.yaml").write_text(TEXT)
    lab.run("apply", "-f", "all.yaml")
    lab.run("monitor", "--chain")

    def row() -> dict[str, Any]:
        lab.run("monitor")
        return json.loads(lab.run("status", "s/long", "--json").out)[0]  # type: ignore[no-any-return]

    end = time.monotonic() + 300
    while (now := row())["state"] != "running" and time.monotonic() < end:
        assert now["state"] in {"submitted", "idle"}
        assert now["run_time"] is None
        time.sleep(0.5)
    time.sleep(1)
    assert 0 < row()["run_time"] < 120
    while "begun" not in (shown := lab.asimov("logs", "s/long")).out:  # it has only begun
        assert time.monotonic() < end, shown
        time.sleep(0.2)
    ran = lab.run("cancel", "s/long", "--yes")
    assert "is being removed" in ran.out
    assert row()["status"] == "cancelled"
