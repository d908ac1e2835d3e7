"""Analyses over others are made again when those they are made over have changed."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Lab

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
    assert "to be made again: s/b has been added" in log
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
