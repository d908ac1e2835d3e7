"""What failed in jobs, and what they used."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local.ended_jobs import _USED


def _sh(script: str, **commands: object) -> JobDescription:
    return JobDescription("sh", arguments=f"\"-c '{script}'\"", **commands)


def _failures(bench, job: int):
    return bench.scheduler.failures(job, 0.0)


def _node_file(bench) -> None:
    bench.write(
        "n.sub",
        "executable = /bin/sh\noutput = $(JOB).out\nerror = logs/$(JOB).$(RETRY).err\n"
        "arguments = \"-c 'echo oops >&2; $(result:exit 0)'\"\nqueue\n",
    )
    (bench.root / "logs").mkdir()


def test_a_failed_process_tells_its_exit_code_and_files(bench):
    cluster = bench.scheduler.submit(
        _sh("echo no $(Process) >&2; exit $(Process)", queue=3, error="err.$(Process)")
    )
    bench.gone(cluster)
    found = sorted(_failures(bench, cluster), key=lambda each: each.exit_code)
    assert [each.exit_code for each in found] == [1, 2]
    assert found[1].error_file == str(bench.root / "err.2")
    assert Path(found[1].error_file).read_text() == "no 2\n"
    assert (found[0].output_file, found[0].node, found[0].reason) == ("/dev/null", None, None)
    assert _failures(bench, 99) == []


def test_what_ended_well_has_no_failures(bench):
    assert _failures(bench, 1) == []
    cluster = bench.scheduler.submit(JobDescription("true", queue=2))
    bench.gone(cluster)
    assert _failures(bench, cluster) == []


def test_a_signal_and_a_removal_are_told(bench):
    cluster = bench.scheduler.submit(_sh("kill -9 $(DOLLAR)$(DOLLAR)"))
    bench.gone(cluster)
    (killed,) = _failures(bench, cluster)
    assert (killed.exit_code, killed.signal, killed.job_id) == (None, 9, cluster)
    cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    bench.scheduler.remove(cluster, "no more")
    bench.gone(cluster)
    (removed,) = _failures(bench, cluster)
    assert (removed.exit_code, removed.signal) == (None, None) and "no more" in removed.reason


def test_a_failed_node_is_told_by_its_last_try_the_first_failure_first(bench):
    _node_file(bench)
    bench.write(
        "x.dag",
        'JOB Z n.sub\nVARS Z result="exit 3"\nRETRY Z 1\n'
        'JOB A n.sub\nVARS A result="while ! test -e go; do sleep 0.02; done; exit 4"\n'
        "JOB G n.sub\nJOB C n.sub\nPARENT Z CHILD C\n",
    )
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: len(_failures(bench, cluster)) >= 1)
    Path("go").touch()
    bench.gone(cluster)
    found = _failures(bench, cluster)
    assert [(each.node, each.exit_code) for each in found] == [("Z", 3), ("A", 4)]
    assert found[0].error_file == str(bench.root / "logs/Z.1.err")
    assert Path(found[0].error_file).read_text() == "oops\n"
    assert found[0].job_id not in (None, cluster)


def test_a_node_that_succeeds_when_tried_again_did_not_fail(bench):
    _node_file(bench)
    pre = bench.write("pre", "#!/bin/sh\ntest $1 = 1\n")
    pre.chmod(0o755)
    bench.write(
        "x.dag",
        "JOB A n.sub\nRETRY A 1\nSCRIPT PRE A pre $RETRY\n"
        'JOB B n.sub\nVARS B result="exit 2"\nPARENT A CHILD B\n',
    )
    end = bench.gone(bench.scheduler.submit_dag("x.dag"))
    assert (end.exit_code, end.reason) == (1, "failed nodes: B")
    assert [(each.node, each.exit_code) for each in _failures(bench, end.job_id)] == [("B", 2)]


def test_scripts_that_fail_are_told_with_a_reason(bench):
    _node_file(bench)
    bench.write("three", "#!/bin/sh\nexit 3\n").chmod(0o755)
    bench.write("dies", "#!/bin/sh\nkill -9 $$\n").chmod(0o755)
    bench.write("closed", "#!/bin/sh\n")
    bench.write(
        "x.dag",
        "JOB A n.sub\nSCRIPT POST A three\n"
        'JOB B n.sub\nVARS B result="exit 5"\nSCRIPT POST B three\n'
        "JOB C n.sub\nSCRIPT PRE C three\n"
        "JOB D n.sub\nSCRIPT PRE D dies\n"
        "JOB E n.sub\nSCRIPT PRE E ./closed\n"
        'JOB F n.sub\nVARS F result="exit 5"\nSCRIPT POST F /bin/true\n',
    )
    cluster = bench.scheduler.submit_dag("x.dag")
    assert bench.gone(cluster).exit_code == 1
    found = {each.node: each for each in _failures(bench, cluster)}
    assert set(found) == set("ABCDE")
    assert (found["A"].exit_code, found["A"].reason) == (0, "its POST script returned 3")
    assert (found["B"].exit_code, found["B"].reason) == (5, "its POST script returned 3")
    assert found["B"].error_file == str(bench.root / "logs/B.0.err")
    assert (found["C"].job_id, found["C"].exit_code) == (None, 3)
    assert found["C"].reason == "its PRE script returned 3"
    assert (found["D"].exit_code, found["D"].signal) == (None, 9)
    assert found["D"].reason == "its PRE script was ended by signal 9"
    assert "could not be run" in found["E"].reason and "Permission denied" in found["E"].reason


def test_a_node_that_cannot_be_submitted_fails_with_the_error(bench):
    _node_file(bench)
    bench.write("x.dag", "JOB A n.sub\nSCRIPT PRE A /bin/rm n.sub\n")
    cluster = bench.scheduler.submit_dag("x.dag")
    end = bench.gone(cluster)
    (failure,) = _failures(bench, cluster)
    assert (failure.job_id, failure.node, failure.exit_code) == (None, "A", None)
    assert "n.sub: the submit file can't be read" in failure.reason
    assert end.reason == f"node A: {failure.reason}"


def test_failures_of_a_dag_outlive_its_runner(bench):
    _node_file(bench)
    bench.write("three", "#!/bin/sh\nexit 3\n").chmod(0o755)
    bench.write(
        "x.dag",
        "JOB A n.sub\nSCRIPT PRE A three\n"
        'JOB B n.sub\nVARS B result="while ! test -e go; do sleep 0.02; done"\n',
    )
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: _failures(bench, cluster))
    bench.kill_runner()
    bench.scheduler.wake()
    Path("go").touch()
    assert bench.gone(cluster).reason == "node A: its PRE script returned 3"
    assert [each.node for each in _failures(bench, cluster)] == ["A"]


def _use(bench, *jobs: int):
    return bench.scheduler.usage(jobs, 0.0)


def _runs(bench) -> int:
    with bench.scheduler.spool.reading() as db:
        return db.execute("SELECT sum(runs) FROM processes").fetchone()[0]


def test_many_jobs_are_measured_at_once_and_those_that_run_are_left_out(bench):
    one = bench.scheduler.submit(_sh("exit 0", memory="100", cpus=2))
    three = bench.scheduler.submit(_sh("exit 1", queue=3))
    bench.gone(one)
    bench.gone(three)
    held = bench.scheduler.submit(JobDescription("true", hold=True))
    found = _use(bench, one, three, held, 999)
    assert set(found) == {one, three}
    assert (found[one].processes, found[one].slots, found[one].memory_requested_mb) == (1, 2, 100)
    assert (found[three].processes, found[three].slots) == (3, 3)
    assert found[three].memory_requested_mb is None and found[three].restarts == 0
    assert found[one].wall_seconds > 0 and found[one].memory_mb > 0


def test_a_job_that_never_ran_has_used_nothing(bench):
    cluster = bench.scheduler.submit(JobDescription("/not/there"))
    bench.until(lambda: bench.state(cluster) == "held")
    bench.scheduler.remove(cluster)
    bench.gone(cluster)
    found = _use(bench, cluster)[cluster]
    assert (found.processes, found.wall_seconds, found.slots, found.restarts) == (0, 0.0, None, 0)


def test_a_process_that_is_started_again_is_a_restart(bench):
    cluster = bench.scheduler.submit(_sh("echo x >> trace; test -e go || sleep 60"))
    bench.until(lambda: Path("trace").exists() and Path("trace").read_text())
    bench.scheduler.hold(cluster)
    bench.until(lambda: bench.state(cluster) == "held")
    bench.scheduler.release(cluster)
    bench.until(lambda: Path("trace").read_text().count("x") == 2)
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    Path("go").touch()
    os.kill(int(str(claimed.readlink()).split()[0]), signal.SIGTERM)
    bench.gone(cluster)
    assert Path("trace").read_text().count("x") == 3
    found = _use(bench, cluster)[cluster]
    assert (found.processes, found.slots, found.restarts) == (1, 1, 2)


def test_retries_of_nodes_are_restarts(bench):
    bench.write(
        "n.sub",
        "executable = /bin/sh\narguments = \"-c 'test $(RETRY) = 2'\"\nrequest_memory = $(mb)\n"
        "queue 2\n",
    )
    bench.write(
        "x.dag", 'JOB A n.sub\nRETRY A 2\nVARS A mb="7"\nJOB B n.sub\nRETRY B 2\nVARS B mb="9"\n'
    )
    cluster = bench.scheduler.submit_dag("x.dag")
    assert bench.gone(cluster).exit_code == 0
    found = _use(bench, cluster)[cluster]
    assert found.restarts == found.processes - 4 == _runs(bench) - 4 > 0
    assert found.memory_requested_mb == 9


def test_no_table_is_read_whole_for_usage(bench):
    bench.scheduler.submit(JobDescription("true", hold=True))
    with sqlite3.connect(bench.scheduler.spool.database) as db:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {_USED}", ("[1]",))]
    db.close()
    assert not [step for step in plan if step.startswith(("SCAN clusters", "SCAN processes"))], plan
    assert not [step for step in plan if step in ("SCAN c", "SCAN p")], plan
