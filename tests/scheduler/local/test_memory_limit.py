"""Jobs that use more memory than they requested."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.local.memory_limit import resident


def _sh(script: str, **commands: object) -> JobDescription:
    return JobDescription("sh", arguments=f"\"-c '{script}'\"", **commands)


_EATS = "x = bytearray(80 * 2**20); open('ate', 'a').write('x'); import time; time.sleep(60)"


def _enforcing(bench) -> LocalScheduler:
    config = ConfigParser()
    config.read_dict({"local": {"processes": "2", "grace": "0.5", "enforce memory": "true"}})
    bench.scheduler = LocalScheduler.from_project(bench.root, config)
    return bench.scheduler


def test_a_job_over_its_memory_is_held_and_runs_on_with_more(bench):
    _enforcing(bench)
    bench.write("eat.py", _EATS)
    # It uses more only once it has eaten all, whenever that is looked at.
    job = JobDescription("python3", arguments="eat.py", memory=80, log="log")
    cluster = bench.scheduler.submit(job)
    small = bench.scheduler.submit(_sh("sleep 60", memory=40))
    bench.until(lambda: bench.state(cluster) == "held")
    (held,) = bench.see(cluster).held
    assert (held.code, held.subcode, held.memory_mb) == (34, 102, 80)
    assert held.memory_used_mb > 80 and "exceeded request_memory" in str(held.reason)
    assert [event.number for event in read_events("log")[0]] == [0, 1, 4, 12]
    assert bench.state(small) == "running"
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
