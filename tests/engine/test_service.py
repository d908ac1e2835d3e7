"""The monitor in the background."""

from __future__ import annotations

import time
from typing import Any

from asimov.errors import EXIT_BUSY
from asimov.files import locked


def test_it_runs_until_it_is_stopped(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    ran = lab.run("start", "--interval", "0.1")
    assert "The monitor runs in the background as job" in ran.out
    again = lab.run("start", code=1)
    assert "runs in the background already" in again.err
    end = time.monotonic() + 30
    while set(lab.states().values()) != {"uploaded"}:
        assert time.monotonic() < end, (lab.root / "logs" / "monitor.log").read_text()
        time.sleep(0.1)
    assert "Stopped the monitor" in lab.run("stop").out
    assert "does not run in the background" in lab.run("stop", code=1).err
    lab.run("start")
    lab.run("stop")


def test_it_is_not_started_by_two_at_once(lab: Any) -> None:
    with locked(lab.root / ".asimov" / "service.lock", "a test"):
        assert "another asimov is at work" in lab.run("start", code=EXIT_BUSY).err
    lab.run("start")
    lab.run("stop")
