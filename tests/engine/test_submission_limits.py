"""Limits of how much is submitted: what is held back, says so, and goes on when there is room."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

import pytest

from asimov.engine.submission_limits import Limits, Throttle, deferral, makes_room
from asimov.errors import EXIT_UNREACHABLE, AsimovError, SchedulerUnreachableError
from asimov.scheduler.local import LocalScheduler

LONG = tuple(f"{name}, seconds: 1000" for name in "abcde")
OPTIONS = ["monitor/max active", "monitor/max submissions", "condor/max queued"]


def limit(lab: Any, option: str, value: object) -> None:
    lab.run("configuration", "update", option, value)


def running(lab: Any) -> list[str]:
    return [name for name, status in lab.states().items() if status == "running"]


def told(lab: Any) -> str | None:
    return deferral(lab.open())


def test_without_limits_all_are_submitted(lab: Any) -> None:
    lab.apply(*LONG)
    assert "5 submitted\n" in lab.run("manage", "build", "submit").out
    assert told(lab) is None


def test_at_most_so_many_are_active_in_the_order_of_the_ledger(lab: Any) -> None:
    lab.apply(*LONG)
    limit(lab, "monitor/max active", 2)
    assert told(lab) is None
    ran = lab.run("manage", "build", "submit")
    why = "2 analyses are active, and [monitor] max active is 2"
    assert ran.out.splitlines()[-1] == f"2 submitted, 3 postponed: {why}"
    assert running(lab) == ["a", "b"]
    assert set(lab.states().values()) == {"running", "ready"}
    assert told(lab) == why
    lab.run("monitor", "--chain")
    assert running(lab) == ["a", "b"]
    lab.run("production", "set", "s", "a", "--status", "cancelled")
    lab.run("monitor", "--chain")
    assert running(lab) == ["b", "c"]
    limit(lab, "monitor/max active", 4)
    assert told(lab) is None
    lab.run("manage", "submit")
    assert running(lab) == ["b", "c", "d", "e"]


def test_a_limit_below_what_is_active_stops_nothing_that_runs(lab: Any) -> None:
    lab.apply(*LONG)
    lab.run("manage", "build", "submit")
    lab.apply("f")
    limit(lab, "monitor/max active", 0)
    lab.run("manage", "build", "submit")
    assert len(running(lab)) == 5
    assert told(lab) == "5 analyses are active, and [monitor] max active is 0"


def test_building_is_not_limited(lab: Any) -> None:
    lab.apply(*LONG)
    limit(lab, "monitor/max active", 1)
    lab.run("manage", "build")
    assert all(lab.config(name).exists() for name in "abcde")


def test_each_command_submits_at_most_so_many(lab: Any) -> None:
    lab.apply(*LONG)
    limit(lab, "monitor/max submissions", 2)
    out = lab.run("manage", "build", "submit").out
    why = "2 were submitted at once, and [monitor] max submissions is 2: the next pass continues"
    assert out.splitlines()[-1] == f"2 submitted, 3 postponed: {why}"
    assert told(lab) == why
    lab.run("monitor", "--chain")
    assert running(lab) == ["a", "b", "c", "d"]
    lab.run("monitor", "--chain")
    assert running(lab) == ["a", "b", "c", "d", "e"]
    assert told(lab) is None


@pytest.mark.parametrize("option", OPTIONS[1:])
def test_a_limit_of_nothing_does_not_promise_another_pass(lab: Any, option: str) -> None:
    lab.apply("a")
    limit(lab, option, 0)
    lab.run("manage", "build", "submit")
    section, name = option.split("/")
    why = f"nothing is submitted: [{section}] {name} is 0"
    assert told(lab) == why
    assert makes_room(why).startswith("a higher limit")


def test_what_held_under_another_limit_is_told_no_more(lab: Any) -> None:
    lab.apply("a")
    limit(lab, "condor/max queued", 0)
    lab.run("manage", "build", "submit")
    limit(lab, "condor/max queued", 5)
    assert told(lab) is None
    assert lab.states() == {"a": "ready"}


def test_all_are_done_in_the_end_under_every_limit(lab: Any) -> None:
    lab.apply("a", "b", "c, needs: [a]", "d", "e, needs: [d, b]")
    limit(lab, "monitor/max active", 2)
    limit(lab, "monitor/max submissions", 1)
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}


class Queue:
    """Stands for a queue in which so many jobs wait."""

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts)
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.counts.pop(0)


def test_nothing_is_submitted_while_many_jobs_wait_in_the_queue(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply(*LONG)
    limit(lab, "condor/max queued", 10)
    queue = Queue(8, 10, 0)
    monkeypatch.setattr(LocalScheduler, "queued", lambda self: queue())
    lab.run("manage", "build", "submit")
    assert running(lab) == ["a", "b"]
    why = "10 jobs wait in the queue, and [condor] max queued is 10"
    assert told(lab) == why
    assert f"3 postponed: {why}" in lab.run("manage", "submit").out
    assert running(lab) == ["a", "b"]
    lab.run("manage", "submit")
    assert len(running(lab)) == 5
    assert (queue.asked, told(lab)) == (3, None)


def test_a_scheduler_that_does_not_count_its_queue_is_not_limited(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply(*LONG)
    limit(lab, "condor/max queued", 1)
    monkeypatch.setattr(LocalScheduler, "queued", lambda self: None)
    lab.run("manage", "build", "submit")
    assert len(running(lab)) == 5


def test_a_queue_that_can_not_be_asked_is_asked_once_and_changes_no_analysis(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queued(self: Any) -> int:
        asked.append(self)
        raise SchedulerUnreachableError("no answer from the schedd")

    asked: list[Any] = []
    lab.apply(*LONG)
    lab.run("manage", "build")
    limit(lab, "condor/max queued", 1)
    monkeypatch.setattr(LocalScheduler, "queued", queued)
    assert "no answer" in lab.run("manage", "submit", code=EXIT_UNREACHABLE).out
    assert set(lab.states().values()) == {"ready"}
    assert len(asked) == 1
    assert [lab.attempts(name) for name in "abcde"] == [[]] * 5


def test_the_queue_is_not_asked_where_nothing_is_to_be_submitted(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(lab, "condor/max queued", 1)
    queue = Queue()
    monkeypatch.setattr(LocalScheduler, "queued", lambda self: queue())
    lab.run("manage", "submit")
    assert queue.asked == 0


def test_a_dry_run_heeds_the_limits_and_writes_nothing(lab: Any) -> None:
    lab.apply(*LONG)
    lab.run("manage", "build")
    limit(lab, "monitor/max submissions", 2)
    before = lab.dump()
    out = lab.run("manage", "submit", "--dry-run").out
    assert "2 would be submitted, 3 postponed" in out
    assert lab.dump() == before


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("value", ["many", "-1", "2.5", "inf", ""])
def test_a_limit_that_is_no_whole_number_is_told_in_one_line(option: str, value: str) -> None:
    section, name = option.split("/")
    config = ConfigParser()
    config.read_dict({section: {name: value}})
    with pytest.raises(AsimovError, match="should be a") as error:
        Limits.of(config)
    assert option in str(error.value)
    assert "for no limit, delete the line" in str(error.value.hint)


def test_limits_are_read_from_the_configuration() -> None:
    config = ConfigParser()
    assert Limits.of(config) == Limits()
    config.read_dict(
        {"monitor": {"max active": "3", "max submissions": "0"}, "condor": {"max queued": "1000"}}
    )
    assert Limits.of(config) == Limits(3, 0, 1000)


def test_what_waits_is_counted_no_more_often_than_the_scheduler_wants_to_be_asked(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(lab, "condor/max queued", 3)
    workspace = lab.open()
    asked: list[int] = []
    monkeypatch.setattr(LocalScheduler, "queued", lambda self: asked.append(1) or 1)
    monkeypatch.setattr(LocalScheduler, "shortest_interval", 3600)
    for _ in range(2):  # a watch submits whenever a log tells of an end
        throttle = Throttle(workspace)
        assert throttle.full() is None
        throttle.count()
    assert "3 jobs wait in the queue" in (Throttle(workspace).full() or "")
    assert len(asked) == 1
    monkeypatch.setattr(LocalScheduler, "shortest_interval", 0)
    assert Throttle(workspace).full() is None
    assert len(asked) == 2


def test_one_command_may_submit_fewer_or_more(lab: Any) -> None:
    lab.apply(*LONG)
    limit(lab, "monitor/max submissions", 1)
    ran = lab.run("manage", "build", "submit", "--max-submit", 2)
    why = "2 were submitted at once, and --max-submit is 2: the next pass continues"
    assert ran.out.splitlines()[-1] == f"2 submitted, 3 postponed: {why}"
    assert told(lab) is None  # the limit of that command was no lasting one
    ran = lab.run("manage", "submit", "--max-submit", 0)
    assert ran.out == "3 postponed: nothing is submitted: --max-submit is 0\n"
    assert running(lab) == ["a", "b"]
