"""A job on hold is not waited for, and it is said why a job is not over."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.scheduler import Gone, Held, JobState, NotFound, Present, Progress, Unknown
from asimov.testing import RecordingScheduler
from asimov.testing.conformance.diagnosis import not_over, on_hold
from asimov.testing.conformance.findings import Finding
from asimov.testing.conformance.runner import check
from asimov.testing.conformance.scene_process import run
from asimov.testing.conformance.scene_task import Task


def test_a_hold_is_told_with_its_reason_and_its_node() -> None:
    assert on_hold(Present(7, JobState.HELD, "no such program", 43)) == (
        "its job 7 is on hold (code 43): no such program"
    )
    held = Held(8, node="first", code=13, subcode=2, reason="no such file")
    dag = Present(7, JobState.RUNNING, progress=Progress(3, held=2), held=(held, held))
    assert on_hold(dag) == "node first of its job 7 is on hold (code 13), and 1 more: no such file"
    assert on_hold(Present(7, JobState.HELD)) == "its job 7 is on hold: no reason is given"


@pytest.mark.parametrize(
    "answer",
    [
        Present(7, JobState.RUNNING),
        Present(7, JobState.HELD, "Spooling input data files", 16),
        Present(7, JobState.RUNNING, held=(Held(8, code=40, reason="no connection"),)),
        Gone(7, 0, "queue"),
        NotFound(("queue",)),
        Unknown("no answer"),
    ],
)
def test_what_may_go_on_by_itself_is_waited_for(answer: object) -> None:
    assert on_hold(answer) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Present(7, JobState.HELD, "no", 43), "its job 7 is on hold (code 43): no"),
        (Present(7, JobState.IDLE), "its job 7 is still idle after 60 s"),
        (
            Present(7, JobState.RUNNING, "it is slow", progress=Progress(3, 1)),
            "its job 7 is still running after 60 s: 1/3 nodes are done; it is slow",
        ),
        (
            NotFound(("queue", "event log")),
            "its job has disappeared without a trace (searched: queue, event log)",
        ),
        (Unknown("no answer"), "the state of its job is unknown: no answer"),
    ],
)
def test_what_is_not_over_is_told_in_words(answer: object, told: str) -> None:
    assert not_over(answer, 60.0, RecordingScheduler()) == told  # type: ignore[arg-type]


#: No test waits as long.
FOREVER = 100_000.0


def test_of_a_job_on_hold_all_else_is_told(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("{scheduler: {executable: /no/such/program}}")
    made = check("simpletestpipeline", blueprint=settings, patience=FOREVER)
    found = {each.contract: each for each in made}
    assert found["complete-after"].holds is None
    assert "node node of its job 1 is on hold (code 6): " in found["complete-after"].seen
    assert "/no/such/program" in found["complete-after"].seen
    assert found["assets-exist"] == Finding("assets-exist", None, found["complete-after"].seen)
    untold = {name for name, each in found.items() if not each.holds}
    assert untold == {
        "complete-after",
        "completion-repeats",
        "assets-exist",
        "outputs-made",
        "logs-found",
        "results-stored",
    }


def test_of_what_it_needs_a_job_on_hold_is_told(tmp_path: Path) -> None:
    blueprint = tmp_path / "blueprint.yaml"
    blueprint.write_text(
        "{kind: subject, name: s}\n---\n"
        "{kind: analysis, name: a, subject: s, pipeline: subjecttestpipeline, needs: [b]}\n---\n"
        "{kind: analysis, name: b, subject: s, pipeline: simpletestpipeline,"
        " scheduler: {executable: /no/such/program}}\n"
    )
    task = Task(
        scene="configuration",
        pipeline="subjecttestpipeline",
        folder=str(tmp_path / "scene"),
        findings=str(tmp_path / "findings"),
        blueprint=str(blueprint),
        patience=FOREVER,
    )
    made = run(task).made
    assert made["renders"].holds is None
    assert "s/b, which it needs, did not complete" in made["renders"].seen
    assert "is held: Failed to execute '/no/such/program'" in made["renders"].seen
