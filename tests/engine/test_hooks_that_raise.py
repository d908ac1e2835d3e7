"""A pipeline that raises, whatever and wherever, is its own analysis's matter and no other's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.pipeline import PipelineException
from tests.lab import Waiting
from tests.searching import first

RAISED = {
    "Exception": lambda: RuntimeError("boom"),
    "SystemExit": lambda: SystemExit("boom"),
    "PipelineException": lambda: PipelineException("boom"),
}

#: Methods that are called in a life that goes well.
GOOD = [
    "__init__", "before_config", "before_build", "build_dag", "before_submit", "submit_dag",
    "while_running", "check_progress", "detect_completion", "after_completion",
    "after_processing", "store_results", "collect_assets",
]  # fmt: skip
#: Methods that are called once something has failed.
BAD = ["missing_outputs", "resurrect"]


def raising(method: str, error: Callable[[], BaseException], **methods: Any) -> type[Any]:
    """Return a pipeline of which one method goes elsewhere and raises."""

    def function(self: Any, *arguments: Any, **named: Any) -> None:
        if method == "__init__":
            SimpleTestPipeline.__init__(self, *arguments, **named)
        os.chdir("/")
        raise error()

    return type("Raising", (SimpleTestPipeline,), {method: function, **methods})


def reasons(lab: Any) -> dict[str, str]:
    return {name: row["reason"] for name, row in lab.rows().items()}


@pytest.mark.parametrize("kind", first(2, RAISED))
def test_a_hook_that_raises_marks_its_own_analysis_stuck(lab: Any, kind: str) -> None:
    for method in GOOD:
        lab.register(f"raising-{method}", raising(method, RAISED[kind]))
    # Two of the jobs are seen running; `good` comes after all of them in every pass.
    seconds = {"while_running": 1000, "check_progress": 1000}
    bad = [
        f"{method}, pipeline: raising-{method}, seconds: {seconds.get(method, 0)}"
        for method in GOOD
    ]
    lab.apply(*bad, "good", "later, needs: [good]")
    before = Path.cwd()
    lab.finish(code=3)
    assert Path.cwd() == before
    assert lab.states() == {**dict.fromkeys(GOOD, "stuck"), "good": "uploaded", "later": "uploaded"}
    told = reasons(lab)
    for method in GOOD:
        # Two are called by another of the pipeline's methods, which the message names.
        named = "after_processing" if method in {"store_results", "collect_assets"} else method
        assert (
            f"raising-{method}.{named} raised {type(RAISED[kind]()).__name__}: boom"
            in (told[method])
        )


@pytest.mark.parametrize("kind", first(2, RAISED))
def test_a_hook_that_raises_after_a_failure_leaves_its_own_analysis_stuck(
    lab: Any, kind: str
) -> None:
    for method in BAD:
        lab.register(f"raising-{method}", raising(method, RAISED[kind]))
    bad = [f"{method}, pipeline: raising-{method}, exit code: 1" for method in BAD]
    lab.apply(*bad, "good")
    before = Path.cwd()
    lab.finish(code=3)
    assert Path.cwd() == before
    assert lab.states() == {**dict.fromkeys(BAD, "stuck"), "good": "uploaded"}
    for method, told in reasons(lab).items():
        assert method == "good" or f"raising-{method}.{method} raised" in told


def test_logs_that_can_not_be_collected_leave_the_message_as_it_is(lab: Any) -> None:
    lab.register("raising", raising("collect_logs", RAISED["Exception"]))
    lab.apply("bad, pipeline: raising, exit code: 1", "good")
    lab.finish(code=3)
    assert "so it is not complete" in lab.reason("bad")


@pytest.mark.parametrize("kind", first(2, RAISED))
def test_detection_of_post_processing_that_raises(lab: Any, kind: str) -> None:
    def after_completion(self: Any) -> Any:
        self.production.status = "processing"
        (Path(self.production.rundir) / "post.sub").write_text("executable = /bin/true\nqueue\n")
        return self.scheduler.submit(Path(self.production.rundir) / "post.sub")

    lab.register(
        "raising",
        raising("detect_completion_processing", RAISED[kind], after_completion=after_completion),
    )
    lab.apply("bad, pipeline: raising", "good")
    lab.finish(code=3)
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}
    assert "raising.detect_completion_processing raised" in lab.reason("bad")


@pytest.mark.parametrize("kind", first(2, RAISED))
@pytest.mark.parametrize(
    ("asked", "after"), [("stop", "stuck"), ("restart", "stuck"), ("cancelled", "cancelled")]
)
def test_an_ejection_that_raises_leaves_the_job_and_is_told(
    lab: Any, kind: str, asked: str, after: str
) -> None:
    lab.register("raising", raising("eject_job", RAISED[kind]))
    lab.apply("bad, pipeline: raising, seconds: 1000", "good")
    lab.run("monitor", "--chain")
    lab.run("production", "set", "s", "bad", "--status", asked)
    ran = lab.run("monitor")
    assert "raising.eject_job raised" in ran.out
    assert lab.states()["bad"] == after
    lab.run("monitor")
    # Another pass finds the job there and does not take the analysis for one that was released.
    assert lab.states()["bad"] == after


@pytest.mark.parametrize("kind", first(2, RAISED))
def test_a_cleaning_that_raises(lab: Any, kind: str) -> None:
    lab.register("raising", raising("clean", RAISED[kind]))
    lab.apply("bad, pipeline: raising", "good")
    lab.finish()
    lab.run("production", "set", "s", "bad", "--status", "restart")
    lab.run("production", "set", "s", "good", "--status", "restart")
    lab.finish(code=3)
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}
    assert "raising.clean raised" in lab.reason("bad")


@pytest.mark.parametrize("kind", first(2, RAISED))
def test_assets_of_an_input_that_raise_keep_what_uses_them_from_being_built(
    lab: Any, kind: str
) -> None:
    lab.register(
        "raising",
        raising("collect_assets", RAISED[kind], store_results=lambda self: None),
    )
    lab.apply("first, pipeline: raising", "second, needs: [first]", "good")
    before = Path.cwd()
    lab.finish(code=3)
    assert Path.cwd() == before
    row = lab.rows()["second"]
    assert row["status"] == "ready"
    (told,) = row["waiting_for"]
    assert told.startswith("can't be built: s/first: raising.collect_assets raised")
    # Once the package is mended, the next pass goes on.
    lab.register("raising", SimpleTestPipeline)
    lab.finish()
    assert lab.states()["second"] == "uploaded"


def test_a_running_analysis_whose_hook_raised_finishes_when_its_job_does(lab: Any) -> None:
    calls = []

    def while_running(self: Any) -> None:
        calls.append(1)
        raise RuntimeError("boom")

    lab.register("raising", type("P", (Waiting,), {"while_running": while_running}))
    lab.apply("bad, pipeline: raising")
    lab.run("monitor", "--chain")
    for _ in range(3):
        lab.run("monitor")
    assert lab.states() == {"bad": "stuck"}
    assert calls == [1]
    lab.let_go("bad")
    lab.until("bad")
    lab.run("monitor")
    assert lab.states() == {"bad": "uploaded"}


def test_what_followed_completion_and_raised_is_not_called_again(lab: Any) -> None:
    calls = []

    def after_completion(self: Any) -> None:
        calls.append(1)
        raise RuntimeError("boom")

    lab.register(
        "raising", type("P", (SimpleTestPipeline,), {"after_completion": after_completion})
    )
    lab.apply("bad, pipeline: raising")
    lab.finish(code=3)
    lab.run("monitor")
    assert calls == [1]
    # It is complete all the same: a person may say so.
    lab.run("production", "set", "s", "bad", "--status", "finished")
    lab.run("monitor")
    assert lab.states() == {"bad": "uploaded"}


def test_a_package_that_can_not_be_loaded_leaves_the_state_as_it_is(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.register("broken", SimpleTestPipeline)
    lab.apply("bad, pipeline: broken", "good")
    lab.run("manage", "build", "submit")
    lab.until("bad")

    def fails() -> None:
        raise ImportError("no such library")

    lab.register("broken", None)
    lab._pipelines["broken"].load = fails
    lab.until("good")
    lab.run("monitor")
    row = lab.rows()["bad"]
    assert (row["status"], lab.states()["good"]) == ("running", "uploaded")
    assert "no such library" in " ".join(row["waiting_for"])
