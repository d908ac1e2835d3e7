"""What finished analyses used."""

from __future__ import annotations

import json
import time
from typing import Any

from asimov.engine.usage import total
from asimov.journal.usage import PATIENCE, Usages
from asimov.scheduler import Usage
from asimov.scheduler.local import LocalScheduler


def used(lab: Any, *more: str) -> dict[str, Any]:
    told = json.loads(lab.run("status", "--usage", "--json", *more).out)
    return {row["name"]: row for row in told}


def test_what_a_finished_analysis_used_is_in_its_page_and_in_the_table(lab: Any) -> None:
    lab.apply("a, seconds: 0.2, scheduler: {request memory: 100 MB, request cpus: 2}", "b")
    lab.finish()
    lab.run("monitor")
    found = used(lab)
    assert found.keys() == {"a", "b"}
    assert (found["a"]["slots"], found["a"]["memory_requested_mb"]) == (2, 100)
    assert found["a"]["wall_seconds"] >= 0.2
    assert (found["a"]["processes"], found["a"]["restarts"]) == (1, 0)
    shown = json.loads(lab.run("production", "show", "s", "a", "--json").out)["usage"]
    assert shown == {key: value for key, value in found["a"].items() if key in shown}
    lines = lab.run("status", "--usage").out.splitlines()
    assert lines[0].split()[:2] == ["analysis", "wall"]
    assert [line.split()[0] for line in lines[1:3]] == ["s/a", "s/b"]
    assert lines[3].split()[0] == "total"


def test_every_attempt_counts_and_each_but_the_first_is_a_restart(lab: Any) -> None:
    lab.apply("bad, exit code: 1, max resurrections: 2")
    lab.finish(code=3)
    lab.run("monitor")
    assert len(lab.attempts("bad")) == 3
    assert (used(lab)["bad"]["processes"], used(lab)["bad"]["restarts"]) == (3, 2)


def test_before_any_job_has_ended_the_table_says_so(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    assert "No usage data yet" in lab.run("status", "--usage").out
    assert used(lab) == {}


def test_a_scheduler_that_can_not_tell_yet_is_asked_again(lab: Any, monkeypatch: Any) -> None:
    lab.apply("a")
    asked = []

    def nothing(self: Any, job_ids: Any, since: float) -> dict[int, Usage]:
        asked.append(set(job_ids))
        return {}

    with monkeypatch.context() as patched:
        patched.setattr(LocalScheduler, "usage", nothing)
        lab.finish()
        lab.run("monitor")
        assert len(asked) > 1
        assert used(lab) == {}
    lab.run("monitor")
    assert used(lab).keys() == {"a"}
    monkeypatch.setattr(LocalScheduler, "usage", nothing)
    before = len(asked)
    lab.run("monitor")
    assert len(asked) == before  # what is known is not asked for again


def test_a_job_that_was_forgotten_is_given_up(lab: Any, monkeypatch: Any) -> None:
    lab.apply("a")
    monkeypatch.setattr(LocalScheduler, "usage", lambda self, job_ids, since: {})
    lab.finish()
    journal = lab.open().journal
    assert len(Usages(journal).unmeasured()) == 1
    journal.write("UPDATE attempts SET ended = ?", (time.time() - PATIENCE - 1,))
    assert Usages(journal).unmeasured() == []


def test_of_several_analyses_times_and_slots_are_summed_and_memory_is_the_largest() -> None:
    together = total(
        [
            Usage(10, 5, 100, 2, 200, 4, 1),
            Usage(20, None, 300, 1, None, 2, 0),
        ]
    )
    assert together == Usage(30, 5, 300, 3, 200, 6, 1)
