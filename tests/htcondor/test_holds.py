"""Jobs on hold on a real pool: their classes, and what the policy does about them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.htcondor.conftest import OnAPool

pytestmark = pytest.mark.htcondor

SUBJECT = "{kind: subject, name: s}\n---\n"


def row(lab: OnAPool) -> dict[str, Any]:
    (told,) = json.loads(lab.run("status", "--json").out)
    return dict(told)


def passes(lab: OnAPool, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Make passes until an analysis is as wanted."""
    end = time.monotonic() + 300
    while True:
        lab.run("monitor")
        told = row(lab)
        if wanted(told):
            return told
        assert time.monotonic() < end, (told, lab.run("log").out)
        time.sleep(0.3)


def analysis(lab: OnAPool, pipeline: str, **settings: Any) -> None:
    apply(lab, pipeline, **settings)
    lab.run("manage", "build", "submit")


def apply(lab: OnAPool, pipeline: str, *options: str, **settings: Any) -> None:
    document = {"kind": "analysis", "name": "a", "event": "s", "pipeline": pipeline, **settings}
    (lab.root / "a.yaml").write_text(SUBJECT + json.dumps(document))
    lab.run("apply", "-f", "a.yaml", *options)


def log(lab: OnAPool, kind: str) -> list[str]:
    events = json.loads(lab.run("log", "s", "a", "--json").out)
    return [str(event["reason"]) for event in events if event["kind"] == kind]


def test_a_job_that_somebody_holds_is_stuck_until_somebody_releases_it(
    on_a_pool: OnAPool,
) -> None:
    analysis(on_a_pool, "simpletestpipeline", seconds=600)
    job = str(row(on_a_pool)["job_id"])
    subprocess.run(["condor_hold", "-reason", "for a look", job], check=True, capture_output=True)
    told = passes(on_a_pool, lambda told: bool(told["status"] == "stuck"))
    assert f"job {job} is held: for a look" in told["reason"]
    assert "(user, code 1)" in told["reason"]
    assert f"release it with 'condor_release {job}'" in told["reason"]
    subprocess.run(["condor_release", job], check=True, capture_output=True)
    passes(on_a_pool, lambda told: bool(told["status"] == "running"))


def test_a_program_that_is_missing_is_of_the_class_input(
    on_a_pool: OnAPool,
) -> None:
    analysis(
        on_a_pool, "command", executable="sh", outputs={"one": "one.txt"},
        arguments=["-c", "true"], scheduler={"executable": "/no/such/program"},
    )  # fmt: skip
    told = passes(on_a_pool, lambda told: bool(told["status"] == "stuck"))
    assert "is held:" in told["reason"]
    assert "(input, code " in told["reason"]


def test_a_node_that_needs_more_memory_gets_it_and_the_dag_completes(
    on_a_pool: OnAPool,
) -> None:
    scheduler = {
        "request memory": 50,
        "on_exit_hold": "RequestMemory < 100",
        "on_exit_hold_reason": '"it needs more memory"',
        "on_exit_hold_subcode": 7,
    }
    analysis(on_a_pool, "simpletestpipeline", scheduler=scheduler)
    passes(on_a_pool, lambda told: bool(told["status"] == "uploaded"))
    first, second = log(on_a_pool, "raised")
    assert "node node (job " in first
    assert "it needs more memory (memory, code 3, subcode 7): memory raised to 75 MB" in first
    assert "memory raised to 113 MB and released, 2 of 3" in second
    assert len(on_a_pool.jobs()) == 1


def test_a_held_node_is_released_by_the_policy_and_the_dag_completes(
    on_a_pool: OnAPool,
) -> None:
    analysis(
        on_a_pool, "simpletestpipeline",
        scheduler={"on_exit_hold": "NumJobStarts < 2", "on_exit_hold_reason": '"once more"'},
        holds={"permanent": {"action": "release", "pause": 0, "times": 1}},
    )  # fmt: skip
    passes(on_a_pool, lambda told: bool(told["status"] == "uploaded"))
    (released,) = log(on_a_pool, "released")
    assert "was held: once more (permanent, code 3): released, 1 of 1" in released


def test_a_node_that_is_held_again_after_the_last_try_is_stuck(
    on_a_pool: OnAPool,
) -> None:
    analysis(
        on_a_pool, "simpletestpipeline",
        scheduler={"on_exit_hold": "NumJobStarts < 3", "on_exit_hold_reason": '"once more"'},
        holds={"permanent": {"action": "release", "pause": 0, "times": 1}},
    )  # fmt: skip
    told = passes(on_a_pool, lambda told: bool(told["status"] == "stuck"))
    assert told["reason"].startswith("node node, job ")
    assert "it was already released 1 times" in told["reason"]
    node = told["reason"].split("'condor_release ")[1].split("'")[0]
    subprocess.run(["condor_release", node], check=True, capture_output=True)
    passes(on_a_pool, lambda told: bool(told["status"] == "uploaded"))


def test_a_failing_node_is_tried_again_after_a_pause_and_then_told_with_its_last_words(
    on_a_pool: OnAPool,
) -> None:
    words = "\"-c 'echo first >&2; echo gave up >&2; exit 3'\""
    settings = {"scheduler": {"arguments": words}, "max resurrections": 1}
    analysis(on_a_pool, "simpletestpipeline", **settings, **{"resurrection pause": 1000})
    waits = passes(on_a_pool, lambda told: any("again in" in each for each in told["waiting_for"]))
    assert waits["status"] == "running"
    assert waits["waiting_for"][0].startswith("failed; will be submitted again in ")
    apply(on_a_pool, "simpletestpipeline", "--update", **settings, **{"resurrection pause": 0})
    told = passes(on_a_pool, lambda told: bool(told["status"] == "stuck"))
    assert "; node node failed with exit code 3; it said: gave up (node.err)" in told["reason"]
    assert "it was already submitted again 1 times" in told["reason"]
    assert len(log(on_a_pool, "failed")) == len(on_a_pool.jobs()) == 2
    assert "    first\n    gave up\n" in on_a_pool.run("log", "s", "a").out
