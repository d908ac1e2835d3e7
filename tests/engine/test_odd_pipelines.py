"""Pipelines that answer oddly, or are no `Pipeline` at all: their own analyses' matter only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from tests.lab import Lab, Waiting
from tests.searching import first

FAR = "/bin/sleep\narguments = 1000"


def post(self: Any, executable: str) -> int:
    path = Path(self.production.rundir, "post.sub")
    path.write_text(f"executable = {executable}\nqueue\n")
    return int(self.scheduler.submit(path))


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("detect_completion", numpy.array([True, False])),
        ("missing_outputs", {"one.txt"}),
        ("missing_outputs", 3),
        ("collect_logs", ["a.err"]),
        ("collect_logs", 3),
        ("check_progress", 3),
        ("while_running", object()),
        ("resurrect", 2**70),
        ("submit_dag", 2**70),
        ("submit_dag", "²"),
        ("submit_dag", 0),
        ("after_completion", 0),
        ("after_completion", -1),
        ("after_processing", "odd"),
        ("collect_assets", 3),
    ],
)
def test_odd_answers_stop_nothing_else(lab: Any, method: str, answer: Any) -> None:
    lab.register("odd", type("P", (SimpleTestPipeline,), {method: lambda self: answer}))
    good = method in {"check_progress", "while_running", "after_completion", "after_processing"}
    good |= method == "collect_assets"
    lab.apply(f"odd, pipeline: odd, exit code: {0 if good else 1}", "good")
    lab.finish(code=0 if good else 3)
    assert lab.states() == {"odd": "uploaded" if good else "stuck", "good": "uploaded"}


@pytest.mark.parametrize(
    "asked", first(2, ["finished", "nonsense", "ready", "uploaded", "stop", "Running"])
)
def test_a_state_that_is_asked_for_while_the_job_runs_does_not_end_the_analysis(
    lab: Any, asked: str
) -> None:
    def while_running(self: Any) -> None:
        self.production.status = asked

    lab.register("asking", type("P", (Waiting,), {"while_running": while_running}))
    lab.apply("a, pipeline: asking")
    lab.run("monitor", "--chain")
    lab.run("monitor")
    assert lab.states() == {"a": "running"}
    lab.let_go("a")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert len(lab.jobs()) == 1


@pytest.mark.parametrize(
    "asked", first(2, ["finished", "nonsense", "stuck", "running", "uploaded"])
)
def test_a_state_that_is_asked_for_in_any_other_method_leads_nowhere_odd(
    lab: Any, asked: str
) -> None:
    names = [
        "before_config", "before_build", "build_dag", "before_submit", "submit_dag",
        "detect_completion", "after_processing", "collect_assets", "__init__",
    ]  # fmt: skip

    def asking(name: str) -> Any:
        def method(self: Any, *arguments: Any, **named: Any) -> Any:
            answer = getattr(SimpleTestPipeline, name)(self, *arguments, **named)
            self.production.status = asked
            return answer

        return method

    for name in names:
        lab.register(name, type("P", (SimpleTestPipeline,), {name: asking(name)}))
    lab.apply(*(f"x{name}, pipeline: {name}" for name in names), "good")
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}


class Stranger:
    """Has nothing of the base class."""

    config_template = "test.ini"

    def __init__(self, production: Any) -> None:
        self.production = production

    def build_dag(self) -> None:
        rundir = Path(self.production.rundir)
        rundir.mkdir(parents=True, exist_ok=True)
        seconds = self.production.meta.get("seconds", 0)
        (rundir / "a.sub").write_text(
            f"executable = /bin/sh\narguments = -c 'sleep {seconds}'\nqueue\n"
        )

    def submit_dag(self) -> int:
        path = Path(self.production.rundir, "a.sub")
        return int(self.production.workspace.scheduler().submit(path))

    def detect_completion(self) -> bool:
        return bool(self.production.meta.get("complete", True))


def test_a_class_that_is_no_pipeline_runs(lab: Any) -> None:
    lab.register("stranger", Stranger)
    lab.apply("a, pipeline: stranger")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


def test_a_class_that_is_no_pipeline_may_fail(lab: Any) -> None:
    lab.register("stranger", Stranger)
    lab.apply("a, pipeline: stranger, complete: false")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert "so it is not complete" in lab.reason("a")
    assert [each.state for each in lab.attempts("a")] == ["ended"]


def test_a_class_that_is_no_pipeline_can_be_stopped(lab: Any) -> None:
    lab.register("stranger", Stranger)
    lab.apply("a, pipeline: stranger, seconds: 1000")
    lab.run("monitor", "--chain")
    lab.run("production", "set", "s", "a", "--status", "stop")
    lab.run("monitor")
    lab.until("a")
    lab.run("monitor")
    assert lab.states() == {"a": "stopped"}


def test_a_run_directory_that_is_no_path_stops_nothing_else(lab: Any) -> None:
    lab.register("stranger", Stranger)
    lab.apply("a", "b, pipeline: stranger", "good")
    lab.write_by_hand("a", rundir=5)
    lab.write_by_hand("b", rundir=["x"])
    said = lab.run("monitor", "--chain", code=1).out
    assert "a: rundir: should be text, not a whole number" in said
    assert "b: rundir: should be text, not a list" in said
    lab.run("monitor", "--chain", code=1)
    lab.until("good")
    lab.run("monitor")
    assert lab.states()["good"] == "uploaded"


def test_one_that_is_written_while_jobs_run_stops_nothing_else(lab: Any) -> None:
    lab.register("stranger", Stranger)
    lab.apply("a", "b, pipeline: stranger", "good")
    lab.run("monitor", "--chain")
    assert set(lab.states().values()) == {"running"}
    lab.write_by_hand("a", rundir=5)
    lab.write_by_hand("b", rundir=["x"])
    lab.until("good")
    lab.run("monitor")
    assert lab.states()["good"] == "uploaded"


# --- post-processing


def test_post_processing_of_a_pipeline_that_raised_is_not_taken_for_complete(lab: Any) -> None:
    def after_completion(self: Any) -> None:
        post(self, "/bin/true")
        raise RuntimeError("boom")

    lab.register(
        "raising", type("P", (SimpleTestPipeline,), {"after_completion": after_completion})
    )
    lab.apply("a, pipeline: raising")
    lab.finish(code=3)
    for _ in range(3):
        lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert {each.state for each in lab.attempts("a")} <= {"ended", "void"}


@pytest.mark.parametrize("how", ["fails", "is removed"])
def test_post_processing_that_did_not_end_well_is_not_complete(lab: Any, how: str) -> None:
    def after_completion(self: Any) -> Any:
        if how == "fails":
            return post(self, "/bin/false")
        return post(self, FAR)

    lab.register("post", type("P", (SimpleTestPipeline,), {"after_completion": after_completion}))
    lab.apply("a, pipeline: post")
    lab.run("manage", "build", "submit")
    lab.until("a")
    lab.run("monitor")
    if how == "is removed":
        workspace = lab.open()
        workspace.journal.close()
        workspace.scheduler().remove(lab.rows()["a"]["job_id"], "not needed")
    lab.until("a")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}


def test_post_processing_that_was_announced_and_not_submitted_is_asked_for_once(lab: Any) -> None:
    calls = []

    def after_completion(self: Any) -> None:
        calls.append(1)
        self.production.status = "processing"

    lab.register("post", type("P", (SimpleTestPipeline,), {"after_completion": after_completion}))
    lab.apply("a, pipeline: post")
    lab.finish(code=3)
    for _ in range(3):
        lab.run("monitor")
    assert (lab.states(), calls) == ({"a": "stuck"}, [1])
    assert "submitted nothing" in lab.reason("a")


# --- nobody's fault


@pytest.mark.parametrize("asked", ["finished", "restart"])
def test_a_package_that_can_not_be_loaded_changes_nothing_after_the_end_either(
    lab: Any, asked: str
) -> None:
    lab.register("broken", SimpleTestPipeline)
    lab.apply("bad, pipeline: broken", "good")
    lab.finish()
    lab.run("production", "set", "s", "bad", "--status", asked)

    def fails() -> None:
        raise ImportError("no such library")

    lab.register("broken", None)
    lab._pipelines["broken"].load = fails
    ran = lab.run("monitor")
    assert "no such library" in ran.out
    assert lab.states() == {"bad": asked, "good": "uploaded"}
    lab.register("broken", SimpleTestPipeline)
    lab.finish()
    assert lab.states() == {"bad": "uploaded", "good": "uploaded"}


class Jobless(SimpleTestPipeline):
    """Makes everything while it is submitted, and makes up a job's number."""

    def submit_dag(self, dryrun: bool = False) -> Any:
        if self.production.meta.get("works", True):
            self.result.write_text("made at once")
        self.production.status = "complete"
        return 12345


def test_a_pipeline_that_needs_no_job_is_finished_once_all_is_there(lab: Lab) -> None:
    lab.register("jobless", Jobless)
    lab.apply("a, pipeline: jobless", "b, needs: [a]")
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}
    assert "its pipeline made everything without a job" in lab.run("log", "s", "a").out
    assert (lab.root / "results" / "s" / "a" / "result.txt").read_text() == "made at once"
    assert [each.state for each in lab.attempts("a")] == ["void"]


def test_one_that_says_so_and_has_made_nothing_is_stuck(lab: Lab) -> None:
    lab.register("jobless", Jobless)
    lab.apply("a, pipeline: jobless, works: false")
    lab.run("manage", "build", "submit", code=1)
    assert lab.states() == {"a": "stuck"}
    assert "did not return the job it submitted" in lab.reason("a")


def test_a_fault_in_saying_that_no_job_is_needed_is_told_once_and_keeps_nobody_waiting(
    lab: Lab,
) -> None:
    class Raises(Jobless):
        def detect_completion(self) -> bool:
            # Another command may write to the journal meanwhile: it may take long.
            with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db", timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")
            raise ValueError("its own fault")

    lab.register("raises", Raises)
    lab.apply("a, pipeline: raises", "b")
    lab.run("manage", "build", "submit", code=1)
    assert lab.states() == {"a": "stuck", "b": "running"}
    assert lab.reason("a") == "raises.detect_completion raised ValueError: its own fault"
    assert [each.state for each in lab.attempts("a")] == ["void"]
