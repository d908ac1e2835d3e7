"""Between two passes, what event logs tell is acted on, and the scheduler is not asked."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.engine.lease import at_work
from asimov.engine.log_watch import LogWatch
from asimov.engine.monitor import advance, monitor
from asimov.engine.watch import _Interrupts
from asimov.errors import AsimovError
from asimov.journal.database import JournalError
from asimov.project.workspace import Workspace
from asimov.scheduler.local import LocalScheduler

#: A watch whose next pass is an hour away: whatever it sees, it sees in event logs.
HOURLY = ("--until-idle", "--interval", "3600", "--timeout", "300")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often the scheduler is asked, and for how many jobs."""
    own = LocalScheduler.observe
    counted: list[int] = []

    def count(self: LocalScheduler, tickets: Any) -> Any:
        counted.append(len(tickets))
        return own(self, tickets)

    monkeypatch.setattr(LocalScheduler, "observe", count)
    return counted


@pytest.fixture
def workspace(lab: Any) -> Iterator[Callable[[], Workspace]]:
    opened: list[Workspace] = []

    def once() -> Workspace:
        if not opened:
            opened.append(lab.open())
        return opened[0]

    yield once
    for each in opened:
        each.journal.close()


def test_a_chain_of_jobs_is_gone_through_on_what_logs_tell(lab: Any, asked: list[int]) -> None:
    lab.apply("a", "b, needs: [a]", "c, needs: [b]")
    lab.run("monitor", "--chain", *HOURLY)
    assert lab.states() == dict.fromkeys("abc", "uploaded")
    assert asked == []  # there was no job yet in the only pass


def test_an_analysis_that_another_command_adds_is_started_at_once(lab: Any, workspace: Any) -> None:
    lab.apply("a, seconds: 1000")
    lines: list[str] = []
    watch = LogWatch(workspace(), lines.append, chain=True)
    with at_work(workspace(), "a test"):
        monitor(workspace(), lines.append, chain=True)
    for _ in range(200):  # the job's start is news too
        if watch.look() is None:
            break
        time.sleep(0.05)
    else:
        pytest.fail("there is always something new")
    (lab.root / "more.yaml").write_text(
        "{kind: analysis, event: s, name: b, pipeline: simpletestpipeline}"
    )
    command = [sys.executable, "-m", "asimov", "apply", "-f", "more.yaml"]
    subprocess.run(command, cwd=lab.root, check=True, capture_output=True)
    outcome = watch.look()
    assert outcome is not None
    assert outcome.counts == {"running": 2}


def test_what_a_log_says_while_another_command_is_at_work_is_acted_on_later(
    lab: Any, workspace: Any
) -> None:
    lab.apply(
        "a, pipeline: command, executable: /bin/sh, outputs: {y: y}, "
        "arguments: [-c, 'until [ -e go ]; do sleep 0.02; done; touch y']"
    )
    watch = LogWatch(workspace(), lambda line: None)
    with at_work(workspace(), "a test"):
        monitor(workspace(), lambda line: None, chain=True)
    watch.look()
    (lab.rundir("a") / "go").touch()
    lab.until("a")
    other = lab.open()
    with closing(other.journal), at_work(other, "another"), pytest.raises(AsimovError) as raised:
        watch.look()
    assert raised.value.exit_code == 6
    assert lab.states() == {"a": "running"}
    outcome = watch.look()
    assert outcome is not None
    assert outcome.counts == {"uploaded": 1}


def test_a_watch_keeps_the_progress_that_only_the_scheduler_tells(
    lab: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.scheduler import JobState, Present, Progress

    lab.apply("a, seconds: 1000")
    with at_work(workspace(), "a test"):
        monitor(workspace(), lambda line: None, chain=True)
    number = lab.rows()["a"]["job_id"]
    here = Present(number, JobState.RUNNING, progress=Progress(7, 3))
    monkeypatch.setattr(
        LocalScheduler, "observe", lambda self, tickets: {each.uid: here for each in tickets}
    )
    with at_work(workspace(), "a test"):
        monitor(workspace(), lambda line: None)
    assert lab.rows()["a"]["progress"] == "3/7"
    by_log = Present(number, JobState.RUNNING)
    monkeypatch.setattr(
        LocalScheduler, "news", lambda self, tickets: {each.uid: by_log for each in tickets}
    )
    LogWatch(workspace(), lambda line: None).look()
    assert lab.rows()["a"]["progress"] == "3/7"


def test_a_watch_says_that_another_watches_already(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    arguments = [sys.executable, "-u", "-m", "asimov", "monitor", "--chain", "--watch"]
    with subprocess.Popen(arguments, cwd=lab.root, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            while "1 running" not in first.stdout.readline():
                assert first.poll() is None
            told = lab.run("monitor", "--watch", code=6)
            # The command works in a child of the process that was started.
            holder = re.search(r"process (\d+)", told.err)
            assert (
                holder and f"PPid:\t{first.pid}\n" in Path("/proc", holder[1], "status").read_text()
            )
            assert json.loads(lab.run("status", "--json").out)[0]["status"] == "running"
        finally:
            first.kill()
    # The worker is killed with its parent, a moment later on a busy machine.
    end = time.monotonic() + 120
    while Path("/proc", holder[1]).exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    lab.run("monitor", "--watch", "--timeout", "0.2", "--interval", "0.1")


def test_a_watch_ends_with_the_process_it_is_beside_after_the_pass_under_way(lab: Any) -> None:
    """As a monitor with its service, however that ends; a job that was submitted goes on."""
    with subprocess.Popen(["sleep", "1000"]) as other:

        class Ending(SimpleTestPipeline):
            def before_build(self, *args: Any, **kwargs: Any) -> None:
                other.kill()
                other.wait()

        lab.register("ending", Ending)
        lab.apply("a, pipeline: ending, seconds: 1000")
        beside = ("--while", other.pid, "--interval", "0.1")
        told = lab.run("monitor", "--watch", "--chain", *beside)
        assert other.poll() is not None
    assert told.out.splitlines()[-1].endswith(f"the process {other.pid} has ended")
    assert lab.states() == {"a": "running"}
    lab.run("monitor")
    assert lab.states() == {"a": "running"}


def test_what_a_transaction_that_was_undone_had_changed_is_not_taken_for_done(
    lab: Any, workspace: Any
) -> None:
    lab.apply("a")
    watch = LogWatch(workspace(), lambda line: None)
    with at_work(workspace(), "a test"):
        monitor(workspace(), lambda line: None, chain=True)
    watch.look()
    lab.until("a")
    # The commit itself fails, as it does where the disk is full.
    with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as db:
        db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        db.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
        db.execute(
            "CREATE TRIGGER full AFTER INSERT ON events BEGIN INSERT INTO child VALUES (7); END"
        )
    workspace().journal.rows("PRAGMA foreign_keys = ON")
    with pytest.raises(JournalError, match="FOREIGN KEY"):
        watch.look()
    with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as db:
        db.execute("DROP TRIGGER full")
    assert (lab.states(), lab.attempts("a")[0].state) == ({"a": "running"}, "submitted")
    watch.look()
    assert (lab.states(), lab.attempts("a")[0].state) == ({"a": "uploaded"}, "ended")


#: A pass that is killed when it has submitted a DAG again and has not recorded that.
KILLED = """
import os, signal
from asimov.cli import main
from asimov.engine import observe
observe.record_job = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_what_another_command_may_have_submitted_again_is_left_to_the_next_pass(
    lab: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, exit code: 1, max resurrections: 1")
    with monkeypatch.context() as patch:
        # The watch sees the job before it starts: else the watch itself would submit it again.
        patch.setattr(LocalScheduler, "wake", lambda self: None)
        lab.run("manage", "build", "submit")
        watch = LogWatch(workspace(), lambda line: None)
        watch.look()
    workspace().scheduler().wake()
    lab.until("a")
    command = [sys.executable, "-c", KILLED, "monitor"]
    done = subprocess.run(command, cwd=lab.root, check=False, capture_output=True, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(lab.jobs()) == 2
    watch.look()
    assert len(lab.jobs()) == 2
    assert [each.state for each in lab.attempts("a")] == ["submitted", "intended"]
    lab.run("monitor")
    assert lab.attempts("a")[0].state == "ended"
    lab.finish(code=3)
    assert len(lab.jobs()) == 2


def test_what_was_told_before_a_pass_is_not_acted_on_after_it_unless_it_is_an_end(
    lab: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.scheduler import JobState, Present
    from asimov.scheduler.observations import Held

    lab.apply("a, seconds: 1000", "b")
    watch = LogWatch(workspace(), lambda line: None)
    with at_work(workspace(), "a test"):
        monitor(workspace(), lambda line: None, chain=True)
    watch.look()
    lab.until("b")
    (a,) = lab.attempts("a")
    held = Present(a.job_id, JobState.HELD, held=(Held(a.job_id, code=1, reason="by a person"),))
    own = LocalScheduler.news
    monkeypatch.setattr(
        LocalScheduler, "news", lambda self, tickets: {**own(self, tickets), a.uid: held}
    )
    other = lab.open()
    with closing(other.journal), at_work(other, "another"), pytest.raises(AsimovError):
        watch.look()
    monkeypatch.setattr(LocalScheduler, "news", own)
    with at_work(workspace(), "a test"):
        advance(workspace(), lambda line: None, {a.uid: lab.observe("a")})
    watch.forget()
    watch.look()
    assert lab.states() == {"a": "running", "b": "uploaded"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_python_drops_in_a_destructor_is_remembered() -> None:
    class Deleted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with _Interrupts() as interrupts:
        interrupts.check()
        Deleted()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
