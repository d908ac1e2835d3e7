"""Faults outside a job: full disks, odd names, reboots, terminals."""

from __future__ import annotations

import os
import pty
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.local import runner
from asimov.scheduler.observations import Gone
from asimov.system.processes import started_at
from tests.searching import first

_TRACED = "echo start >> trace; while [ ! -e go ]; do sleep 0.02; done; echo end >> trace; exit 4"


def _sh(script: str, **commands: object) -> JobDescription:
    return JobDescription("sh", arguments=f"\"-c '{script}'\"", **commands)


def _lines() -> list[str]:
    return Path("trace").read_text().split() if Path("trace").exists() else []


def _claimed(bench) -> tuple[Path, int]:
    """Return the claim of the only attempt, and its keeper."""
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    return claimed, int(str(claimed.readlink()).split()[0])


def _limit(pid: int, size: int) -> None:
    """Limit the size of files that a process writes; it sees the limit as a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _forked(what: Callable[[], object]) -> int:
    """Run a function in a new process and return its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        what()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


@pytest.mark.parametrize("mode", first(1, ["WAL", "DELETE"]), ids=["local disk", "network disk"])
def test_twenty_commands_submit_at_once(bench, monkeypatch, mode):
    monkeypatch.setattr("asimov.scheduler.local.spool.on_network", lambda _: mode == "DELETE")

    def submit() -> None:
        while not Path("now").exists():
            time.sleep(0.001)
        bench.scheduler.submit(_sh("echo $(Cluster) >> trace"))

    commands = [_forked(submit) for _ in range(20)]
    Path("now").touch()
    assert [os.waitpid(pid, 0)[1] for pid in commands] == [0] * 20
    for job in range(1, 21):
        assert bench.gone(job).exit_code == 0
    assert sorted(map(int, _lines())) == list(range(1, 21))


@pytest.mark.parametrize("fate", ["hold", "remove"])
def test_a_program_that_ended_before_it_was_asked_to_has_its_exit_code(bench, fate):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    bench.kill_runner()
    # As a runner leaves it that is killed between its commit and its signal.
    with bench.scheduler.spool.changing() as db:
        db.execute("UPDATE processes SET fate = ?, fate_reason = 'why'", (fate,))
    Path("go").touch()
    bench.until(lambda: list(bench.scheduler.spool.runs.glob("*.end")))
    bench.scheduler.wake()
    end = bench.gone(cluster)
    assert (end.exit_code, end.removed) == (4, False)
    assert _lines() == ["start", "end"]


@pytest.mark.parametrize("fate", ["hold", "remove"])
def test_a_runner_killed_before_its_signal_is_followed_by_one_that_sends_it(bench, fate):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    bench.kill_runner()
    with bench.scheduler.spool.changing() as db:
        db.execute("UPDATE processes SET fate = ?, fate_reason = 'why'", (fate,))
    bench.scheduler.wake()
    bench.until(lambda: bench.state(cluster) == {"hold": "held", "remove": "gone"}[fate])
    assert _lines() == ["start"]


def test_a_job_that_is_ended_with_the_machine_is_started_again(bench):
    cluster = bench.scheduler.submit(_sh(_TRACED, log="log"))
    bench.until(_lines)
    os.kill(_claimed(bench)[1], signal.SIGTERM)
    bench.until(lambda: len(_lines()) == 2)
    Path("go").touch()
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "start", "end"]
    assert [e.number for e in read_events("log")[0]] == [0, 1, 4, 1, 5]


def test_a_job_held_again_while_it_ends_is_held(bench):
    cluster = bench.scheduler.submit(_sh("trap : TERM; echo start >> trace; sleep 60; sleep 60"))
    bench.until(_lines)
    bench.scheduler.hold(cluster)
    bench.scheduler.release(cluster)
    bench.scheduler.hold(cluster, "after all")
    bench.until(lambda: bench.state(cluster) == "held")
    assert "after all" in str(bench.see(cluster).reason)


def test_asking_again_and_again_gives_no_new_grace(bench):
    cluster = bench.scheduler.submit(
        _sh("trap : TERM; echo start >> trace; while :; do sleep 60; done")
    )
    bench.until(_lines)

    def asked() -> bool:
        bench.scheduler.remove(cluster)
        time.sleep(0.05)
        return isinstance(bench.see(cluster), Gone)

    bench.until(asked)


def test_a_job_that_waits_for_its_input_can_be_removed(bench):
    os.mkfifo("pipe")
    cluster = bench.scheduler.submit(JobDescription("cat", input="pipe"))
    bench.until(lambda: list(bench.scheduler.spool.runs.glob("*.claim")))
    bench.scheduler.remove(cluster)
    assert bench.gone(cluster).removed


def test_an_end_that_cannot_be_written_is_written_when_there_is_room(bench):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    keeper = _claimed(bench)[1]
    _limit(keeper, 20)
    Path("go").touch()
    bench.until(lambda: list(bench.scheduler.spool.runs.glob("*.part")))
    assert started_at(keeper) and bench.state(cluster) == "running"
    _limit(keeper, resource.RLIM_INFINITY)
    assert bench.gone(cluster).exit_code == 4
    assert _lines() == ["start", "end"]


def test_a_runner_on_a_full_disk_goes_on_when_there_is_room(bench):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    full = bench.runner()
    _limit(full, 4096)
    other = bench.scheduler.submit(_sh("echo other >> trace"))
    Path("go").touch()
    bench.until(bench.scheduler.spool.output.read_text)
    assert bench.runner() == full
    _limit(full, resource.RLIM_INFINITY)
    assert bench.gone(cluster).exit_code == 4 and bench.gone(other).exit_code == 0
    assert sorted(_lines()) == ["end", "other", "start"]


def test_a_job_is_submitted_even_where_no_runner_can_be_started(bench):
    bench.scheduler.spool.output.mkdir(parents=True)
    cluster = bench.scheduler.submit(JobDescription("true"))
    assert bench.state(cluster) == "idle"
    with pytest.raises(SchedulerError, match=r"runner\.log: the local queue can't be run"):
        bench.scheduler.wake()
    bench.scheduler.spool.output.rmdir()
    bench.scheduler.wake()
    assert bench.gone(cluster).exit_code == 0


@pytest.mark.parametrize("name", [os.fsdecode(b"no/\xff/out"), "no\0thing", "no/two\nlines"])
def test_an_output_with_a_strange_name_holds_the_job_with_a_reason(bench, name):
    cluster = bench.scheduler.submit(JobDescription("true", output=name, log="log"))
    bench.until(lambda: bench.state(cluster) == "held")
    assert "no" in str(bench.see(cluster).reason) and bench.see(cluster).code == 7
    bench.scheduler.remove(cluster, os.fsdecode(b"\xff"))
    assert bench.gone(cluster).removed
    assert [e.number for e in read_events("log")[0]] == [0, 1, 12, 9]


def test_names_that_are_no_utf8_work(bench):
    folder = bench.root / os.fsdecode(b"fold\xe9r")
    folder.mkdir()
    os.chdir(folder)
    Path("n.sub").write_text(
        "executable = /bin/sh\narguments = \"-c 'echo ran; exit $(code)'\"\noutput = out\n"
        "log = log\nqueue\n"
    )
    Path("x.dag").write_text('JOB A n.sub\nVARS A code="0"\nJOB B n.sub DIR no\nPARENT A CHILD B\n')
    Path("no").mkdir()
    Path("no/n.sub").write_text("executable = /bin/true\nqueue\n")
    cluster = bench.scheduler.submit_dag("x.dag")
    end = bench.gone(cluster)
    assert end.exit_code == 0 and Path("out").read_text() == "ran\n"
    Path("no/n.sub").unlink()
    Path("x.dag").write_text('JOB A n.sub\nSCRIPT PRE A /bin/rm n.sub\nVARS A code="0"\n')
    end = bench.gone(bench.scheduler.submit_dag("x.dag"))
    assert end.exit_code == 1 and "n.sub" in str(end.reason)


def test_arguments_that_are_too_long_hold_the_job(bench):
    cluster = bench.scheduler.submit(JobDescription("true", arguments="x" * 3_000_000))
    bench.until(lambda: bench.state(cluster) == "held")
    assert "Argument list too long" in str(bench.see(cluster).reason)


def test_a_job_of_another_machine_is_left_alone_until_it_is_removed(bench):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    bench.kill_runner()
    claimed, keeper = _claimed(bench)
    os.kill(keeper, signal.SIGKILL)
    words = str(claimed.readlink()).split()
    claimed.unlink()
    claimed.symlink_to(" ".join([*words[:3], "another"]))
    bench.scheduler.wake()
    blocker = bench.scheduler.submit(_sh("exit 0"))
    assert bench.gone(blocker).exit_code == 0
    assert bench.state(cluster) == "running" and _lines() == ["start"]
    bench.scheduler.remove(cluster)
    assert bench.gone(cluster).removed
    Path("go").touch()


def test_a_project_that_is_moved_while_a_job_runs_keeps_its_exit_code(bench):
    cluster = bench.scheduler.submit(_sh(_TRACED))
    bench.until(_lines)
    moved = bench.root.with_name("moved")
    bench.root.rename(moved)
    there = type(bench)(moved)
    Path("go").touch()  # the current folder moved along

    def ended() -> bool:
        there.scheduler.wake()  # as every pass of the monitor does
        return isinstance(there.see(cluster), Gone)

    there.until(ended)
    assert there.gone(cluster).exit_code == 4
    assert _lines() == ["start", "end"]


@pytest.mark.parametrize("again", [False, True])
def test_a_project_that_is_deleted_leaves_nothing_in_one_made_anew(bench, again):
    bench.scheduler.submit(_sh(f"echo start >> trace; cd /; {_TRACED.split(';', 1)[1]}"))
    bench.until(_lines)
    old, keeper = bench.runner(), _claimed(bench)[1]
    shutil.rmtree(bench.root)
    bench.root.mkdir()
    os.chdir(bench.root)
    if again:
        cluster = bench.scheduler.submit(_sh(_TRACED))
        bench.until(_lines)
        assert bench.state(cluster) == "running"
    (bench.root.parent / "go").touch()
    os.kill(int(Path(f"/proc/{keeper}/task/{keeper}/children").read_text()), signal.SIGKILL)
    bench.until(lambda: not started_at(keeper) and not started_at(old))
    if again:
        assert not list(bench.scheduler.spool.runs.glob("*.end"))
        bench.kill_runner()
        bench.scheduler.wake()
        Path("go").touch()
        assert bench.gone(cluster).exit_code == 4
        assert _lines() == ["start", "end"]


def test_a_runner_of_a_deleted_project_makes_no_folder(bench):
    bench.gone(bench.scheduler.submit(JobDescription("true")))
    bench.end_runner()
    shutil.rmtree(bench.root)
    assert runner.main([str(bench.root), "1", "1"]) == 1
    assert not bench.root.exists()


def test_a_job_outlives_the_terminal_of_its_command(bench):
    pid, terminal = pty.fork()
    if not pid:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under 'nohup'
        try:
            bench.scheduler.submit(_sh(_TRACED))
            time.sleep(60)
        finally:
            os._exit(1)
    bench.until(_lines)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP
    Path("go").touch()
    assert bench.gone(1).exit_code == 4


def test_a_command_without_standard_streams_submits(bench):
    def submit() -> None:
        for stream in range(3):
            os.close(stream)
        bench.scheduler.submit(_sh("echo out; echo err >&2", output="out", error="err"))

    assert os.waitpid(_forked(submit), 0)[1] == 0
    assert bench.gone(1).exit_code == 0
    assert (Path("out").read_text(), Path("err").read_text()) == ("out\n", "err\n")


def test_a_service_is_started_though_the_clock_was_set_back(bench):
    blocker = bench.scheduler.submit(JobDescription("true", hold=True))
    bench.until(lambda: not bench.runner())
    cluster = bench.scheduler.start_service(["/bin/sh", "-c", "exit 1"], bench.root / "log")
    with bench.scheduler.spool.changing() as db:
        db.execute(
            "UPDATE processes SET not_before = ? WHERE cluster = ?", (time.time() + 9e4, cluster)
        )
    bench.kill_runner()
    Path("log").unlink(missing_ok=True)
    bench.scheduler.wake()
    bench.until(lambda: Path("log").exists())
    bench.scheduler.remove(blocker)
