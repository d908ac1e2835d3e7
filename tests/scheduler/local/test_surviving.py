from __future__ import annotations

import os
import signal
from pathlib import Path

from asimov.processes import started_at
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local.claims import claim
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.waking import start_runner

_TRACED = "echo start >> trace; while [ ! -e go ]; do sleep 0.02; done; echo end >> trace; exit 4"


def _lines() -> list[str]:
    return Path("trace").read_text().split() if Path("trace").exists() else []


def test_a_new_runner_adopts_a_job_that_still_runs(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    bench.kill_runner()
    assert bench.state(cluster) == "running"
    bench.scheduler.wake()
    bench.until(bench.runner)
    Path("go").touch()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "end"]


def test_the_exit_code_of_a_job_that_ended_without_a_runner_is_kept(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    bench.kill_runner()
    Path("go").touch()
    runs = bench.scheduler.spool.runs
    bench.until(lambda: list(runs.glob("*.end")))
    assert bench.state(cluster) == "running"
    bench.scheduler.wake()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "end"]


def test_a_job_that_vanished_with_its_keeper_is_started_again(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    bench.kill_runner()
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    keeper = int(str(claimed.readlink()).split()[0])
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    os.kill(keeper, signal.SIGKILL)
    bench.scheduler.wake()
    bench.until(lambda: len(_lines()) == 2)
    # Its old process was ended before the new one began.
    assert children and not any(started_at(int(child)) for child in children)
    Path("go").touch()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "start", "end"]


def test_a_start_that_was_only_intended_is_made_up_for(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    bench.until(lambda: not bench.runner())
    with bench.scheduler.spool.changing() as db:
        db.execute("UPDATE processes SET state = 'running', attempt = 1")
        db.execute("UPDATE clusters SET state = 'running', running = 1, held = 0")
    bench.scheduler.wake()
    assert bench.gone(cluster).exit_code == 0


def test_an_attempt_is_claimed_once(tmp_path):
    assert claim(tmp_path / "attempt")
    assert not claim(tmp_path / "attempt", "1 2 3 4")


def test_there_is_one_runner_however_often_it_is_started(bench):
    cluster = bench.scheduler.submit(JobDescription("sleep", arguments="60"))
    bench.until(lambda: bench.state(cluster) == "running")
    first = bench.runner()
    for _ in range(3):
        start_runner(bench.scheduler.spool, ["2", "0.5"])
    second = bench.scheduler.submit(JobDescription("true"))
    bench.gone(second)
    assert bench.runner() == first


def test_the_runner_ends_when_there_is_nothing_to_do(bench):
    bench.gone(bench.scheduler.submit(JobDescription("true")))
    bench.until(lambda: not bench.runner())
    spool = Spool(bench.root)
    assert not spool.bell.exists() and list(spool.runs.iterdir()) == []


def test_a_service_is_started_again_until_it_is_removed(bench):
    arguments = ["/bin/sh", "-c", "echo x; exec sleep 60"]
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60", queue=2))
    cluster = bench.scheduler.start_service(arguments, bench.root / "log")
    log = bench.root / "log"
    bench.until(lambda: log.exists() and log.read_text() == "x\n")
    assert bench.state(cluster) == "running" == bench.state(blocker)
    for claimed in bench.scheduler.spool.runs.glob("*.claim"):
        keeper = int(str(claimed.readlink()).split()[0])
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        for child in children:
            if b"60" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
    bench.until(lambda: log.read_text() == "x\nx\n")
    bench.scheduler.remove(cluster)
    assert bench.gone(cluster).removed
