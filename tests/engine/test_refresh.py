"""Analyses over others are made again when those that they use have changed."""

from __future__ import annotations

import pytest
from asimov.pipelines.testing import SubjectTestPipeline

from asimov.errors import SchedulerUnreachableError
from tests.lab import Lab

OVER = "over, pipeline: subjecttestpipeline, analyses: [{kind of: wanted}]"


def result(lab: Lab) -> set[str]:
    return set((lab.root / "results" / "s" / "over" / "result.txt").read_text().split())


def test_a_refreshable_one_is_made_again_once_a_new_one_is_complete(lab: Lab) -> None:
    lab.apply("a, kind of: wanted", f"{OVER}, refreshable: true")
    lab.finish()
    assert result(lab) == {"s/over", "s/a"}
    lab.apply("b, kind of: wanted")
    assert "over" not in lab.run("monitor").out  # b has not run yet
    assert lab.states()["over"] == "uploaded"
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    assert result(lab) == {"s/over", "s/a", "s/b"}
    log = lab.run("log", "s", "over").out
    assert "to be rerun: s/b has been added" in log
    old = lab.root / "results" / "s" / "over" / "superseded-1" / "result.txt"
    assert set(old.read_text().split()) == {"s/over", "s/a"}
    assert len(lab.attempts("over")) == 2
    lab.finish()
    assert len(lab.attempts("over")) == 2, "nothing has changed since"


@pytest.mark.parametrize("refreshable", ["", ", refreshable: false"])
def test_others_stay_as_they_are(lab: Lab, refreshable: str) -> None:
    lab.apply("a, kind of: wanted", f"{OVER}{refreshable}")
    lab.finish()
    lab.apply("b, kind of: wanted")
    lab.finish()
    assert result(lab) == {"s/over", "s/a"}
    assert len(lab.attempts("over")) == 1


def test_a_dry_run_changes_nothing(lab: Lab) -> None:
    lab.apply("a, kind of: wanted", f"{OVER}, refreshable: true")
    lab.finish()
    lab.apply("b, kind of: wanted")
    lab.run("manage", "build", "submit")
    lab.until("b")
    before = lab.dump()
    lab.run("monitor", "--dry-run")
    assert lab.dump() == before


def test_what_an_earlier_run_has_made_is_not_taken_for_that_of_a_failed_one(lab: Lab) -> None:
    lab.apply("a, kind of: wanted", f"{OVER}, refreshable: true")
    lab.finish()
    lab.apply("b, kind of: wanted", f"{OVER}, refreshable: true, exit code: 3", update=True)
    lab.finish(code=3)
    assert lab.states()["over"] == "stuck"
    assert "exit code 3" in lab.reason("over")


class RaisesLate(SubjectTestPipeline):
    """Raises once its job is submitted, as what is cut short does."""

    def submit_dag(self, dryrun: bool = False) -> int:
        super().submit_dag()
        raise ValueError("too late")


def test_what_it_is_made_over_is_known_however_its_submission_ended(lab: Lab) -> None:
    lab.register("late", RaisesLate)
    over = OVER.replace("subjecttestpipeline", "late")
    lab.apply("a, kind of: wanted", f"{over}, refreshable: true")
    lab.finish()
    lab.apply("b, kind of: wanted")
    lab.finish()
    assert result(lab) == {"s/over", "s/a", "s/b"}


def test_it_can_be_submitted_after_the_scheduler_could_not_be_reached(lab: Lab) -> None:
    class Refused(SubjectTestPipeline):
        def submit_dag(self, dryrun: bool = False) -> int:
            raise SchedulerUnreachableError("the schedd does not answer")

    lab.register("over", Refused)
    lab.apply("a, kind of: wanted")
    lab.finish()
    lab.apply(OVER.replace("subjecttestpipeline", "over"))
    lab.run("manage", "build", "submit", code=5)
    lab.register("over", SubjectTestPipeline)
    lab.run("manage", "submit")
    assert lab.states()["over"] == "running"
