"""The monitor in the background."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from asimov.errors import EXIT_BUSY, EXIT_UNREACHABLE
from asimov.scheduler import JobState, Observation, Present, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler
from asimov.system.files import locked

#: Runs asimov so that the process is killed before or after the service is started.
KILLED = """
import os, signal, sys
from asimov.cli import main
from asimov.scheduler.local import LocalScheduler

own = LocalScheduler.start_service

def start(self, *arguments):
    if after:
        own(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)

after = sys.argv.pop(1) == "after"
LocalScheduler.start_service = start
main()
"""


def killed(lab: Any, when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, when, "start", "--interval", "0.1"],
        cwd=lab.root, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def services(lab: Any) -> list[tuple[int, str]]:
    """Return every service that the local queue has had, with its state."""
    (path,) = (lab.root / ".asimov" / "local").glob("*.db")
    with closing(sqlite3.connect(path)) as db:
        return list(db.execute("SELECT id, state FROM clusters WHERE kind = 'service'"))


def test_it_runs_until_it_is_stopped(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    ran = lab.run("start", "--interval", "0.1")
    assert "The monitor now runs in the background as job" in ran.out
    again = lab.run("start", code=1)
    assert "is already running in the background" in again.err
    end = time.monotonic() + 120
    while set(lab.states().values()) != {"uploaded"}:
        assert time.monotonic() < end, (lab.root / "logs" / "monitor.log").read_text()
        time.sleep(0.1)
    assert "Stopped the monitor" in lab.run("stop").out
    assert "is not running in the background" in lab.run("stop", code=1).err
    lab.run("start")
    lab.run("stop")


def test_it_is_not_started_by_two_at_once(lab: Any) -> None:
    with locked(lab.root / ".asimov" / "service.lock", "a test"):
        assert "another asimov process is using" in lab.run("start", code=EXIT_BUSY).err
    lab.run("start")
    lab.run("stop")


def test_one_whose_start_was_killed_is_found_and_not_started_twice(lab: Any) -> None:
    killed(lab, "after")
    ((job, _),) = services(lab)
    told = lab.run("start", code=1).err
    assert f"the monitor is already running in the background, as job {job}" in told
    assert len(services(lab)) == 1
    assert f"job {job}" in lab.run("stop").out


def test_one_whose_start_was_killed_can_be_stopped(lab: Any) -> None:
    killed(lab, "after")
    lab.run("stop")
    assert "is not running in the background" in lab.run("stop", code=1).err


def test_one_that_was_not_started_before_the_kill_is_started_by_the_next_command(lab: Any) -> None:
    killed(lab, "before")
    assert "is not running in the background" in lab.run("stop", code=1).err
    killed(lab, "before")
    lab.run("start")
    assert len(services(lab)) == 1
    lab.run("stop")


def test_none_is_started_while_it_is_not_known_whether_one_runs(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: Unknown("no answer") for ticket in tickets}

    killed(lab, "after")
    said = "it is not known whether the monitor runs in the background: no answer"
    with monkeypatch.context() as patch:
        patch.setattr(LocalScheduler, "observe", unreachable)
        for command in ("start", "stop"):
            assert said in lab.run(command, code=EXIT_UNREACHABLE).err
    assert len(services(lab)) == 1
    lab.run("stop")


def test_its_jobs_are_those_of_their_analyses_and_not_the_service(lab: Any) -> None:
    lab.apply("a")
    lab.run("start", "--interval", "0.1")
    end = time.monotonic() + 120
    while lab.states() != {"a": "uploaded"}:
        assert time.monotonic() < end, (lab.root / "logs" / "monitor.log").read_text()
        time.sleep(0.1)
    lab.run("stop")
    tagged = {job: uid for job, uid in lab.jobs() if uid is not None}
    (attempt,) = lab.attempts("a")
    assert tagged.pop(attempt.job_id) == attempt.uid
    assert set(tagged) == {job for job, _ in services(lab)}


def test_another_job_of_its_number_is_not_stopped(lab: Any) -> None:
    lab.run("start", "--interval", "0.1")
    ((number, _),) = services(lab)
    lab.run("stop")
    deadline = time.monotonic() + 120
    while services(lab)[0][1] != "gone":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with closing(lab.open().journal) as journal:
        journal.set_property("background monitor", f"local  {number}")
    # A queue that was deleted counts from 1 again.
    (lab.root / ".asimov" / "local").rename(lab.root / "deleted")
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build", "submit")
    assert lab.rows()["a"]["job_id"] == number
    lab.until("a", lambda answer: getattr(answer, "state", None) is JobState.RUNNING)
    lab.run("stop")
    (path,) = (lab.root / ".asimov" / "local").glob("*.db")
    with closing(sqlite3.connect(path)) as db:
        # What was asked for would be in the queue, or have been done.
        while db.execute("SELECT count(*) FROM requests").fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert db.execute("SELECT fate FROM processes").fetchall() == [(None,)]
    assert isinstance(lab.observe("a"), Present)
