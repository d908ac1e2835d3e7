"""Whether a monitor is alive and when it last looked, and a warning when nobody does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from asimov.scheduler import Unknown
from asimov.scheduler.local import LocalScheduler
from asimov.testing.clock import Clock

DAY = 86400.0


def told(lab: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(lab.run("status", "--monitor", "--json").out)
    return shown


def test_a_project_that_nobody_looked_at_says_so(lab: Any) -> None:
    lab.apply("a")
    assert "monitor: not running; no pass yet" in lab.run("status").out
    assert told(lab) == {
        "keeper": None, "runs": None, "alive": False, "watch": None, "looked": None,
        "answered": None, "problem": None, "warning": None, "took": None,
    }  # fmt: skip


def test_each_pass_is_recorded(lab: Any) -> None:
    lab.apply("a")
    with Clock().in_control() as clock:
        lab.run("monitor")
        first = told(lab)["looked"]
        clock.advance(3600)
        assert "not running; last pass 1h ago" in lab.run("status").out
        lab.run("monitor", "--dry-run")
        assert told(lab)["looked"] == first
        lab.run("monitor")
        assert told(lab)["looked"] > first
        assert told(lab)["answered"] == told(lab)["looked"]
        # One that follows soon is not recorded, and no other time is claimed for it.
        clock.advance(50)
        lab.run("monitor")
        assert "not running; last pass within the last minute" in lab.run("status").out


def test_it_warns_when_nobody_has_looked_for_a_day(lab: Any) -> None:
    lab.apply("a")
    with Clock().in_control() as clock:
        lab.run("monitor")
        clock.advance(DAY - 60)
        assert lab.run("status").err == ""
        clock.advance(120)
        for command in (["status"], ["status", "--json"], ["status", "--monitor"]):
            warned = lab.run(*command).err
            assert "warning: no monitor has checked this project for 1d" in warned
            assert "asimov start --how" in warned
        assert json.loads(lab.run("status", "--json").out)[0]["name"] == "a"
        lab.run("monitor")
        assert lab.run("status").err == ""


def test_a_pass_by_a_clock_that_was_ahead_is_no_recent_one(lab: Any) -> None:
    lab.apply("a")
    with Clock().in_control() as clock:
        clock.advance(10 * DAY)
        lab.run("monitor")
    with Clock().in_control() as clock:
        ahead = told(lab)["looked"]
        ran = lab.run("status")
        assert f"not running; last pass at {ahead}, by a clock that was ahead" in ran.out
        assert f"warning: the last pass is recorded at {ahead}, in the future: " in ran.err
        lab.run("monitor")
        assert "last pass within the last minute" in lab.run("status").out
        clock.advance(2 * DAY)
        assert "no monitor has checked this project for 2d" in lab.run("status").err


def test_an_answer_by_a_clock_that_was_ahead_hides_no_silence(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    with Clock().in_control() as clock:
        clock.advance(10 * DAY)
        lab.run("monitor")
    monkeypatch.setattr(
        LocalScheduler, "observe", lambda _, asked: {t.uid: Unknown("silence") for t in asked}
    )
    with Clock().in_control() as clock:
        lab.run("monitor", code=5)
        clock.advance(DAY + 3600)
        lab.run("monitor", code=5)
        assert "warning: the monitor has had no answer for 1d: silence" in lab.run("status").err


def test_it_warns_where_nobody_ever_looked(lab: Any) -> None:
    with Clock().in_control() as clock:
        lab.apply("a")
        clock.advance(2 * DAY)
        assert "no monitor has checked this project for 2d" in lab.run("status").err


def test_a_project_in_which_nothing_is_left_to_do_needs_no_monitor(lab: Any) -> None:
    lab.apply("a")
    lab.finish()
    with Clock().in_control() as clock:
        clock.advance(9 * DAY)
        assert lab.run("status").err == ""


def test_a_monitor_without_answers_has_looked_and_seen_nothing(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    with Clock().in_control() as clock, monkeypatch.context() as patch:
        patch.setattr(
            LocalScheduler, "observe", lambda _, asked: {t.uid: Unknown("silence") for t in asked}
        )
        clock.advance(3600)
        lab.run("monitor", code=5)
        assert "pass within the last minute, which got no answer: silence" in lab.run("status").out
        assert told(lab)["answered"] < told(lab)["looked"]
        clock.advance(DAY)
        lab.run("monitor", code=5)
        assert "warning: the monitor has had no answer for 1d: silence" in lab.run("status").err


def test_a_watch_is_alive_until_it_is_killed(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    watch = subprocess.Popen(
        [sys.executable, "-m", "asimov", "monitor", "--watch", "--interval", "0.2"],
        cwd=lab.root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 120
    while not (told(lab)["alive"] and told(lab)["looked"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    shown = lab.run("status").out
    assert "monitor: asimov monitor --watch, process " in shown and ", alive; last" in shown
    os.kill(watch.pid, signal.SIGKILL)
    watch.wait()
    while told(lab)["alive"]:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_monitor_in_the_background_is_shown_until_it_is_stopped(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("start", "--interval", "0.1")
    end = time.monotonic() + 120
    while not told(lab)["looked"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    shown = told(lab)
    assert shown["keeper"] == "job" and shown["runs"].startswith("job ") and shown["alive"]
    assert ", alive; last pass" in lab.run("status").out
    lab.run("stop")
    while told(lab)["watch"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "monitor: not running; last pass" in lab.run("status").out
