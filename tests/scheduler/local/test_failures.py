"""What failed, and why a job waits."""

from __future__ import annotations

from pathlib import Path

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local import LocalScheduler


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


def _why(bench, job: int) -> str:
    return "\n".join(bench.scheduler.explain(job))


def test_a_waiting_job_is_explained_by_the_processors_in_use(bench):
    assert bench.scheduler.explain(1) == []
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60", cpus=2))
    bench.until(lambda: bench.state(blocker) == "running")
    assert bench.scheduler.explain(blocker) == []
    first = bench.scheduler.submit(JobDescription("true"))
    large = bench.scheduler.submit(JobDescription("true", cpus=64))
    assert bench.scheduler.explain(first) == [
        "it needs 1 processor; 2 of 2 ([local] processes) are in use"
    ]
    assert bench.scheduler.explain(large) == [
        "it needs 64 processors; 2 of 2 ([local] processes) are in use",
        "that is more than the limit: it runs when nothing else does",
        "1 waits ahead of it in the queue",
    ]
    bench.scheduler.remove(blocker)
    assert bench.gone(large).exit_code == 0
    assert bench.scheduler.explain(large) == []


def test_waiting_and_held_nodes_are_explained_by_their_names(bench):
    bench.write("x.dag", "JOB A a.sub\nJOB B b.sub\n")
    bench.write("a.sub", "executable = /not/there\npriority = 9\nqueue\n")
    bench.write("b.sub", "executable = /bin/true\nrequest_cpus = 2\nqueue\n")
    blocker = bench.scheduler.submit(_sh("sleep 60"))
    bench.until(lambda: bench.state(blocker) == "running")
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: bench.see(cluster).held)
    assert "node A is on hold (code 6): Failed to execute '/not/there'" in _why(bench, cluster)
    assert "node B needs 2 processors; 1 of 2" in _why(bench, cluster)
    bench.scheduler.hold(cluster, "for now")
    bench.until(lambda: bench.state(cluster) == "held")
    assert "the DAG is on hold and starts no more nodes: for now" in _why(bench, cluster)


def test_many_held_processes_are_counted(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True, queue=8))
    lines = bench.scheduler.explain(cluster)
    assert len(lines) == 6 and lines[-1] == "3 more are on hold"


def test_a_dead_runner_is_told_and_one_that_is_not_needed_is_not(bench):
    held = bench.scheduler.submit(JobDescription("true", hold=True))
    bench.until(lambda: not bench.runner())
    assert "not alive" not in _why(bench, held)
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60"))
    bench.until(lambda: bench.state(blocker) == "running")
    bench.kill_runner()
    assert "the process that runs the local queue is not alive" in _why(bench, blocker)
    bench.scheduler.wake()
    bench.until(lambda: "not alive" not in _why(bench, blocker))


def test_a_limit_that_was_changed_while_the_queue_runs_is_told(bench):
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60", cpus=2))
    bench.until(lambda: bench.state(blocker) == "running")
    waiting = bench.scheduler.submit(JobDescription("true"))
    later = LocalScheduler(bench.root, 8)
    lines = later.explain(waiting)
    assert lines[0] == "it needs 1 processor; 2 of 2 ([local] processes) are in use"
    assert "8 applies when it is started again" in lines[1]
