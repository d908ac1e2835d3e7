"""Who may act: one process at a time, and what becomes of the right of one that is gone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from asimov.configuration import PROJECT_FILE, update_file
from asimov.engine.lease import at_work
from asimov.errors import EXIT_BUSY, AsimovError
from asimov.journal.leases import Lease, holder, is_dead, take
from tests.searching import first

#: Holds the lease until it is killed.
HOLDER = """
import sys, time
from asimov.engine.lease import at_work
from asimov.project.workspace import Workspace

with at_work(Workspace.open(), "a long test"):
    print("at work", flush=True)
    time.sleep(1000)
"""


@contextmanager
def another(lab: Any, program: str = HOLDER, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that says "at work" once it is; it is killed in the end."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program, *arguments],
        cwd=lab.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == "at work\n", said + process.stdout.read()
            yield process
        finally:
            process.kill()


def until(reached: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


def present(lab: Any) -> list[int]:
    """Return the jobs that the scheduler has and that are not on their way out."""
    (path,) = (lab.root / ".asimov" / "local").glob("*.db")
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(
            "SELECT id FROM clusters WHERE dag IS NULL AND state != 'gone' ORDER BY id"
        )
        return [job for (job,) in rows]


def elsewhere(lab: Any, expires: float) -> None:
    """Have a process on another machine hold the lease."""
    now = time.time()
    lease = Lease("theirs", "far", "boot", 4711, "1", "asimov monitor", now - 90, now + expires)
    with closing(lab.open().journal) as journal:
        assert take(journal, lease, lambda held: False) is None


def held_by(lab: Any) -> Lease | None:
    with closing(lab.open().journal) as journal:
        return holder(journal)


def test_one_acts_and_the_other_says_who_does_and_leaves(lab: Any) -> None:
    lab.apply("a")
    with another(lab) as process:
        for command in (["monitor"], ["manage", "build"], ["manage", "submit"]):
            told = lab.run(*command, code=EXIT_BUSY).err
            assert "another asimov process is using this project (a long test, process" in told
            assert f"process {process.pid} on {os.uname().nodename} since" in told
            assert "its lease ends at" in told
    assert lab.states() == {"a": "ready"}


def test_commands_that_only_read_need_no_lease(lab: Any) -> None:
    lab.apply("a")
    with another(lab):
        lab.run("status")
        lab.run("log", "s", "a")
        lab.run("monitor", "--dry-run")
        lab.run("manage", "build", "submit", "--dry-run")


def test_the_lease_of_a_killed_holder_is_free_at_once(lab: Any) -> None:
    lab.apply("a")
    with another(lab) as process:
        process.kill()
        process.wait()
        assert held_by(lab) is not None
        lab.run("manage", "build", "submit")
    assert lab.states() == {"a": "running"}
    assert held_by(lab) is None


def test_a_killed_holder_that_nobody_has_reaped_is_dead_too(lab: Any) -> None:
    with another(lab) as process:
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        lab.run("monitor")


#: Holds the lease, and so much memory that its end takes the kernel some time.
LARGE_HOLDER = HOLDER.replace("import sys, time", 'import sys, time; held = b"x" * (1 << 29)')


def test_a_holder_that_was_killed_and_is_not_gone_yet_is_waited_for(lab: Any) -> None:
    workspace = lab.open()
    with another(lab, LARGE_HOLDER) as process:
        os.kill(process.pid, signal.SIGKILL)
        with at_work(workspace, "the next"):
            held = holder(workspace.journal)
            assert held is not None
            assert held.purpose == "the next"


def test_a_holder_on_another_machine_is_busy_until_its_lease_expires(lab: Any) -> None:
    elsewhere(lab, expires=60)
    told = lab.run("monitor", code=EXIT_BUSY).err
    assert "asimov monitor, process 4711 on far since" in told
    assert "its lease ends at" in told


def test_one_on_another_machine_whose_lease_has_expired_is_taken_for_dead(lab: Any) -> None:
    elsewhere(lab, expires=-1)
    lab.run("monitor")
    assert held_by(lab) is None


def test_a_process_number_that_is_used_again_is_not_the_holder(lab: Any) -> None:
    with another(lab):
        lease = held_by(lab)
        assert lease is not None
        assert not is_dead(lease)
        assert is_dead(lease._replace(started="1"))
        # Of another start of the machine, or another machine, only the time tells.
        assert not is_dead(lease._replace(boot="other", started="1"))
        assert not is_dead(lease._replace(host="other", started="1"))
        assert is_dead(lease._replace(host="other", expires=time.time() - 1))


def test_one_who_waits_gets_it_once_the_holder_has_gone(lab: Any) -> None:
    lab.apply("a")
    with another(lab) as process:
        waiting = subprocess.Popen(
            [sys.executable, "-m", "asimov", "production", "set", "s", "a", "--status", "wait"],
            cwd=lab.root,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        process.kill()
        assert waiting.wait(120) == 0
    assert lab.states() == {"a": "wait"}


def test_a_lease_is_renewed_while_a_hook_takes_longer_than_it_lasts(lab: Any) -> None:
    lab.run("configuration", "update", "monitor/lease", "1")
    with another(lab):
        first = held_by(lab)
        assert first is not None
        until(lambda: time.time() > first.expires)
        again = held_by(lab)
        assert again is not None
        assert again.token == first.token
        assert again.expires > first.expires
        lab.run("monitor", code=EXIT_BUSY)


def test_a_lease_is_given_back_where_the_work_raises(lab: Any) -> None:
    workspace = lab.open()
    with pytest.raises(KeyError), at_work(workspace, "a test"):
        assert held_by(lab) is not None
        raise KeyError
    assert held_by(lab) is None
    assert workspace.journal.fence is None


@pytest.mark.parametrize("length", ["soon", "0", "0.5", "-3", "inf"])
def test_a_lease_that_is_no_time_is_refused(lab: Any, length: str) -> None:
    update_file(lab.root / PROJECT_FILE, {("monitor", "lease"): length})
    with pytest.raises(AsimovError, match="should be") as told, at_work(lab.open(), "a test"):
        pass
    assert "monitor/lease" in str(told.value)


#: Submits, and stops itself at a point of the first submission, as a laptop that goes to sleep.
SLEEPER = """
import os, signal, sqlite3, sys
from asimov.cli import main
from asimov.engine import batch
from asimov.pipelines.testing import SimpleTestPipeline

point = sys.argv.pop(1)
told = os.dup(1)  # what pipelines print goes elsewhere
stopped = []

def stop():
    if not stopped:
        stopped.append(point)
        os.write(told, b"at work" + bytes([10]))
        # Not while the lease is renewed: that would keep the journal locked.
        with sqlite3.connect(".asimov/journal.db", timeout=60, isolation_level=None) as journal:
            journal.execute("BEGIN IMMEDIATE")
            journal.execute("ROLLBACK")
            os.kill(os.getpid(), signal.SIGSTOP)

def before(owner, name):
    own = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: (stop(), own(*given, **named))[1])

if point == "before the intent":
    before(batch.Batch, "finish")
elif point == "after the intent":
    before(batch, "perform")
elif point == "before the scheduler is called":
    before(SimpleTestPipeline, "submit_dag")
elif point == "before the record":
    before(batch.Batch, "_record")
main()
"""


@pytest.mark.parametrize(
    "point",
    first(
        2,
        [
            "before the scheduler is called",
            "before the record",
            "before the intent",
            "after the intent",
        ],
    ),
)
def test_a_holder_that_slept_past_its_lease_submits_nothing_twice(lab: Any, point: str) -> None:
    names = ["a", "b", "c"]
    lab.apply(*(f"{name}, seconds: 1000" for name in names))
    lab.run("manage", "build")
    lab.run("configuration", "update", "monitor/lease", "1")
    with another(lab, SLEEPER, point, "manage", "submit") as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        # It lives, and does nothing: until its lease has expired it is to be reckoned with.
        until(lambda: lab.asimov("manage", "submit").code == 0)
        assert lab.states() == dict.fromkeys(names, "running")
        before = {name: lab.attempts(name)[-1] for name in names}
        os.kill(process.pid, signal.SIGCONT)
        told = process.communicate(timeout=120)[0]
        assert process.returncode == EXIT_BUSY, told
        assert "another asimov process has taken over this project" in told
    assert {name: lab.attempts(name)[-1] for name in names} == before
    until(lambda: len(present(lab)) == 3)
    assert sorted(present(lab)) == sorted(each.job_id for each in before.values())
    lab.run("monitor")
    assert lab.states() == dict.fromkeys(names, "running")
