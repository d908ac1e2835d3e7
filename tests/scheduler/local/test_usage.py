"""What jobs used, what they may use, and how many wait."""

from __future__ import annotations

import os
import signal
import sqlite3
from configparser import ConfigParser
from pathlib import Path

import pytest

from asimov.errors import AsimovError, SchedulerError
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.local.ended_jobs import _USED
from asimov.scheduler.local.memory_limit import resident
from asimov.scheduler.observations import Present


def _sh(script: str, **commands: object) -> JobDescription:
    return JobDescription("sh", arguments=f"\"-c '{script}'\"", **commands)


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
    bench.until(lambda: Path("trace").exists())
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


def test_jobs_that_wait_are_counted_nodes_included(bench):
    assert bench.scheduler.queued() == 0
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60", cpus=2))
    bench.until(lambda: bench.state(blocker) == "running")
    bench.scheduler.submit(JobDescription("true", queue=3))
    bench.scheduler.submit(JobDescription("true", hold=True))
    bench.write("n.sub", "executable = /bin/true\nqueue\n")
    bench.write("x.dag", "JOB A n.sub\nJOB B n.sub\nJOB C n.sub\nPARENT A B CHILD C\n")
    bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: bench.scheduler.queued() == 5)


def test_a_released_job_starts_with_its_raised_request(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True, memory=10, disk=20))
    bench.scheduler.raise_requests(cluster, memory_mb=64)
    bench.scheduler.raise_requests(cluster, disk_kb=300)
    seen = bench.see(cluster)
    assert isinstance(seen, Present)
    assert (seen.held[0].memory_mb, seen.held[0].disk_kb) == (64, 300)
    bench.scheduler.release(cluster)
    bench.gone(cluster)
    assert _use(bench, cluster)[cluster].memory_requested_mb == 64
    with pytest.raises(SchedulerError, match="no process in the local queue"):
        bench.scheduler.raise_requests(cluster, memory_mb=128)


_EATS = "x = bytearray(80 * 2**20); open('ate', 'a').write('x'); import time; time.sleep(60)"


def _enforcing(bench) -> LocalScheduler:
    config = ConfigParser()
    config.read_dict({"local": {"processes": "2", "grace": "0.5", "enforce memory": "true"}})
    bench.scheduler = LocalScheduler.from_project(bench.root, config)
    return bench.scheduler


def test_a_job_over_its_memory_is_held_and_runs_on_with_more(bench):
    _enforcing(bench)
    bench.write("eat.py", _EATS)
    job = JobDescription("python3", arguments="eat.py", memory=40, log="log")
    cluster = bench.scheduler.submit(job)
    small = bench.scheduler.submit(_sh("sleep 60", memory=40))
    bench.until(lambda: bench.state(cluster) == "held")
    (held,) = bench.see(cluster).held
    assert (held.code, held.subcode, held.memory_mb) == (34, 102, 40)
    assert held.memory_used_mb > 80 and "exceeded request_memory" in str(held.reason)
    assert [event.number for event in read_events("log")[0]] == [0, 1, 4, 12]
    assert bench.state(small) == "running"
    Path("ate").unlink()
    bench.write("eat.py", "x = bytearray(80 * 2**20); import time; time.sleep(1.5)")
    bench.scheduler.raise_requests(cluster, memory_mb=400)
    bench.scheduler.release(cluster)
    assert bench.gone(cluster).exit_code == 0


def test_memory_of_what_a_job_has_started_counts(bench):
    _enforcing(bench)
    bench.write("eat.py", _EATS)
    cluster = bench.scheduler.submit(_sh("python3 eat.py; exit 0", memory=40))
    bench.until(lambda: bench.state(cluster) == "held")
    assert bench.see(cluster).code == 34


def test_memory_is_not_enforced_unless_asked_for(bench):
    bench.write("eat.py", "x = bytearray(80 * 2**20); import time; time.sleep(1.5)")
    cluster = bench.scheduler.submit(JobDescription("python3", arguments="eat.py", memory=40))
    assert bench.gone(cluster).exit_code == 0


def test_a_running_job_has_its_resident_memory_measured_by_its_keeper(bench):
    bench.write("eat.py", _EATS)
    bench.scheduler.submit(JobDescription("python3", arguments="eat.py"))
    bench.until(lambda: Path("ate").exists() and Path("ate").read_text())
    (claimed,) = bench.scheduler.spool.runs.glob("*.claim")
    keeper = int(str(claimed.readlink()).split()[0])
    assert 80 < resident([keeper])[keeper] < 200
    assert resident([1_000_000_000]) == {}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("processes", "many"),
        ("processes", "0"),
        ("processes", "1.5"),
        ("processes", "inf"),
        ("grace", "-1"),
        ("enforce memory", "perhaps"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(tmp_path, option, value):
    config = ConfigParser()
    config.read_dict({"local": {option: value}})
    with pytest.raises(AsimovError, match=rf"^configuration: local/{option}: should be "):
        LocalScheduler.from_project(tmp_path, config)
