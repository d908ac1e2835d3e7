from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local.claims import claim
from asimov.scheduler.local.orphans import Loss, in_session
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.startup import start_runner
from asimov.system.processes import started_at

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


def _keeper(bench) -> int:
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    return int(str(claimed.readlink()).split()[0])


def _witness(bench) -> int:
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    return int(str(claimed.readlink()).split()[4])


@pytest.mark.parametrize("runner", [False, True], ids=["", "and runner"])
def test_a_job_whose_keeper_was_killed_runs_on_and_keeps_its_exit_code(bench, runner):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    if runner:
        bench.kill_runner()
    os.kill(_keeper(bench), signal.SIGKILL)
    bench.scheduler.wake()
    bench.until(bench.runner)
    assert bench.state(cluster) == "running"
    Path("go").touch()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "end"]


def test_jobs_that_end_with_their_keepers_are_not_run_again(bench):
    bench.write("job", "#!/bin/sh\necho $1 >> trace\nkill -KILL $PPID\nexit $1\n").chmod(0o755)
    jobs = [bench.scheduler.submit(JobDescription("job", arguments=str(n))) for n in range(5)]
    assert [bench.gone(job).exit_code for job in jobs] == [0, 1, 2, 3, 4]
    assert sorted(_lines()) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("action", ["hold", "remove"])
def test_a_job_without_its_keeper_can_be_held_and_removed(bench, action):
    script = "#!/bin/sh\ntrap 'echo asked >> trace' TERM\necho start >> trace\n"
    bench.scheduler.grace = 1.5  # time enough to write, on a busy machine
    bench.write("job", f"{script}while :; do sleep 0.1; done\n").chmod(0o755)
    cluster = bench.scheduler.submit(JobDescription("job"))
    bench.until(_lines)
    os.kill(_keeper(bench), signal.SIGKILL)
    getattr(bench.scheduler, action)(cluster)
    bench.until(lambda: bench.state(cluster) == {"hold": "held", "remove": "gone"}[action])
    assert _lines() == ["start", "asked"]
    if action == "remove":
        assert bench.gone(cluster).removed


def test_of_a_job_that_nobody_watched_the_end_is_a_failure_with_a_reason(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    bench.kill_runner()
    for pid in (_witness(bench), _keeper(bench)):
        os.kill(pid, signal.SIGKILL)
    bench.scheduler.wake()
    bench.until(bench.runner)
    assert bench.state(cluster) == "running"
    Path("go").touch()
    end = bench.gone(cluster)
    assert (end.exit_code, end.signal, end.removed) == (None, 9, False)
    assert end.reason == Loss.UNKNOWN.value
    assert _lines() == ["start", "end"]


def test_a_job_that_was_cut_short_with_the_machine_is_started_again(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{_TRACED}'\""))
    bench.until(_lines)
    keeper = _keeper(bench)
    (job,) = (each.pid for each in in_session(keeper) if each.pid == each.group)
    bench.kill_runner()
    os.kill(_witness(bench), signal.SIGKILL)
    os.kill(keeper, signal.SIGKILL)
    os.killpg(job, signal.SIGKILL)
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    words = str(claimed.readlink()).split()
    claimed.unlink()
    claimed.symlink_to(" ".join([*words[:2], "another-boot", *words[3:]]))
    bench.scheduler.wake()
    bench.until(lambda: len(_lines()) == 2)
    Path("go").touch()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "start", "end"]


def test_the_witness_ends_with_the_runner_and_is_not_kept_by_what_a_job_leaves(bench):
    left = "setsid sleep 1000 & echo $! > pid; while [ ! -e go ]; do sleep 0.02; done"
    cluster = bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{left}'\""))
    bench.until(lambda: list(bench.scheduler.spool.runs.glob("*.claim")))
    witness = _witness(bench)
    bench.until(lambda: Path("pid").exists() and Path("pid").read_text())
    pid = int(Path("pid").read_text())
    bench.until(lambda: os.getsid(pid) == pid)  # until then it is one of the job's own
    Path("go").touch()
    bench.gone(cluster)
    bench.until(lambda: not bench.runner())
    bench.until(lambda: not started_at(witness))
    assert started_at(pid)
    os.kill(pid, signal.SIGKILL)


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
