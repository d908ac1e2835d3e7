from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.observations import Gone, JobState, NotFound, Present, Unknown
from asimov.system.processes import started_at
from tests.scheduler.event_logs import ending, tagged_clusters


def test_looking_at_a_project_without_jobs_creates_nothing(bench):
    assert isinstance(bench.see(1), NotFound)
    bench.scheduler.wake()
    bench.scheduler.remove(1)
    assert bench.scheduler.usage([1], 0.0) == {}
    assert list(bench.root.iterdir()) == []


def test_a_job_runs_and_leaves_its_exit_code_output_usage_and_log(bench):
    job = JobDescription(
        "sh", output="out", error="err", log="log", arguments='''"-c 'echo $(Cluster); exit 3'"'''
    )
    with bench.scheduler.tagged(Tag("p", "s/a", "uid-1")):
        cluster = bench.scheduler.submit(job)
    end = bench.gone(cluster, "uid-1")
    assert (end.exit_code, end.evidence, end.signal) == (3, "queue", None)
    assert Path("out").read_text() == f"{cluster}\n"
    usage = bench.scheduler.usage([cluster], 0.0)[cluster]
    assert usage.processes == 1 and usage.wall_seconds > 0
    events, _ = read_events("log")
    assert [event.number for event in events] == [0, 28, 1, 5]
    assert tagged_clusters(events, "AsimovUID", "uid-1") == {cluster}
    logged = ending(events, cluster)
    assert logged is not None and logged.exit_code == 3
    # An attempt whose cluster is not known is found by its identity.
    assert bench.scheduler.observe([Ticket("uid-1", None, 0.0)]) == {"uid-1": end}


def test_a_job_that_a_signal_ends_says_so(bench):
    cluster = bench.scheduler.submit(JobDescription("sh", arguments='''"-c 'kill -9 $DOLLAR'"'''))
    assert bench.gone(cluster).exit_code is not None
    text = '''"-c 'kill -9 $(DOLLAR)$(DOLLAR)'"'''
    end = bench.gone(bench.scheduler.submit(JobDescription("sh", arguments=text)))
    assert (end.exit_code, end.signal) == (None, 9)


def test_a_job_that_is_submitted_on_hold_is_seen_held_until_it_is_released(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    seen = bench.see(cluster)
    assert isinstance(seen, Present)
    assert (seen.state, seen.code) == (JobState.HELD, 15)
    bench.scheduler.release(cluster)
    assert bench.gone(cluster).exit_code == 0


def test_every_process_of_a_cluster_runs_with_its_own_number(bench):
    bench.write(
        "many.sub",
        "executable = /bin/sh\nbase = out\noutput = $(base).$(Process)\n"
        "arguments = \"-c 'echo $(Process)'\"\nqueue 5\n",
    )
    end = bench.gone(bench.scheduler.submit("many.sub"))
    assert end.progress is not None and (end.progress.total, end.progress.done) == (5, 5)
    assert [Path(f"out.{n}").read_text() for n in range(5)] == [f"{n}\n" for n in range(5)]


def test_no_more_processes_run_at_once_than_are_allowed(bench):
    script = "echo + >> trace; sleep 0.05; echo - >> trace"
    bench.gone(
        bench.scheduler.submit(JobDescription("sh", arguments=f"\"-c '{script}'\"", queue=8))
    )
    running, most = 0, 0
    for line in Path("trace").read_text().split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert most == 2


def test_a_job_that_wants_more_than_there_is_runs_alone(bench):
    script = "echo + >> trace; sleep 0.05; echo - >> trace"
    job = JobDescription("sh", arguments=f"\"-c '{script}'\"", queue=3, cpus=64)
    bench.gone(bench.scheduler.submit(job))
    assert Path("trace").read_text().split() == ["+", "-"] * 3


def test_a_missing_program_holds_the_job_with_the_reason(bench):
    cluster = bench.scheduler.submit(JobDescription("/not/there", log="log"))
    bench.until(lambda: bench.state(cluster) == "held")
    seen = bench.see(cluster)
    assert isinstance(seen, Present) and seen.state is JobState.HELD and seen.code == 6
    assert "/not/there" in str(seen.reason) and "No such file" in str(seen.reason)
    bench.scheduler.remove(cluster)
    assert bench.gone(cluster).removed


def test_an_output_that_cannot_be_opened_holds_the_job(bench):
    cluster = bench.scheduler.submit(JobDescription("true", output="no/such/folder"))
    bench.until(lambda: bench.state(cluster) == "held")
    seen = bench.see(cluster)
    assert isinstance(seen, Present) and seen.code == 7 and "no/such/folder" in str(seen.reason)


def test_a_running_job_is_held_released_and_removed_with_its_children(bench):
    script = "trap : TERM; sleep 60 & echo $! > child; wait; sleep 60"
    job = JobDescription("sh", arguments=f"\"-c '{script}'\"", log="log")
    cluster = bench.scheduler.submit(job)
    bench.until(lambda: Path("child").exists() and Path("child").read_text())
    child = int(Path("child").read_text())
    bench.scheduler.hold(cluster, "for now")
    bench.until(lambda: bench.state(cluster) == "held")
    assert "for now" in str(bench.see(cluster).reason)
    bench.until(lambda: not started_at(child))
    Path("child").unlink()
    bench.scheduler.release(cluster)
    bench.until(lambda: bench.state(cluster) == "running")
    bench.scheduler.remove(cluster, "enough")
    end = bench.gone(cluster)
    assert end.removed and end.exit_code is None and "enough" in str(end.reason)
    assert [e.number for e in read_events("log")[0]] == [0, 1, 4, 12, 13, 1, 9]


def test_an_idle_job_is_held_released_and_removed(bench):
    blocker = bench.scheduler.submit(JobDescription("sleep", arguments="60", queue=2))
    cluster = bench.scheduler.submit(JobDescription("true"))
    bench.scheduler.hold(cluster)
    bench.until(lambda: bench.state(cluster) == "held")
    bench.scheduler.release(cluster)
    bench.until(lambda: bench.state(cluster) == "idle")
    bench.scheduler.remove(cluster)
    assert bench.gone(cluster).removed
    assert bench.state(blocker) == "running"


def test_cluster_numbers_are_never_used_again(bench):
    first = bench.scheduler.submit(JobDescription("true", hold=True))
    with pytest.raises(SchedulerError):
        bench.scheduler.submit(JobDescription("true", log="no/such/folder/log"))
    assert bench.scheduler.submit(JobDescription("true")) > first == 1


def test_a_job_has_the_environment_that_it_asks_for(bench, monkeypatch):
    monkeypatch.setenv("MINE", "mine")
    monkeypatch.setenv("OTHER", "other")
    job = JobDescription(
        "env", output="out", environment="\"A=1 B='two words'\"", getenv="MINE", cpus=2
    )
    bench.gone(bench.scheduler.submit(job))
    lines = Path("out").read_text().splitlines()
    assert {"A=1", "B=two words", "MINE=mine", "OMP_NUM_THREADS=2"} <= set(lines)
    assert "OTHER=other" not in lines


def test_a_job_that_checkpoints_is_run_again(bench):
    script = "test -e seen && exit 0; touch seen; exit 77"
    job = JobDescription("sh", arguments=f"\"-c '{script}'\"", checkpoint_exit_code=77, log="log")
    assert bench.gone(bench.scheduler.submit(job)).exit_code == 0
    assert [e.number for e in read_events("log")[0]] == [0, 1, 4, 1, 5]


def test_a_moved_project_still_runs_what_waits(bench):
    cluster = bench.scheduler.submit(
        JobDescription("true", output=bench.root / "out", hold=True, log=bench.root / "log")
    )
    bench.until(lambda: not bench.runner())
    moved = bench.root.with_name("moved")
    bench.root.rename(moved)
    there = type(bench)(moved)
    there.scheduler.release(cluster)
    assert there.gone(cluster).exit_code == 0
    assert (moved / "out").exists() and not bench.root.exists()


def test_ten_thousand_tickets_are_answered_each_with_its_own_job(bench):
    scheduler = bench.scheduler
    last = scheduler.submit(JobDescription("true", hold=True))
    bench.until(lambda: not bench.runner())
    with scheduler.spool.changing() as db:
        db.executemany(
            "INSERT INTO clusters (kind, uid, tags, state, details, submitted, total, exit_code)"
            " VALUES ('job', ?, '{}', 'gone', '{}', 0, 1, ?)",
            [(f"u{n}", n % 7) for n in range(10_000)],
        )
    tickets = [Ticket(f"u{n}", last + 1 + n if n % 2 else None, 0.0) for n in range(10_100)]
    answers = scheduler.observe(tickets)
    assert len(answers) == 10_100
    for n in range(10_000):
        assert answers[f"u{n}"] == Gone(last + 1 + n, n % 7, "queue")
    assert isinstance(answers["u10001"], NotFound)


def test_a_broken_queue_makes_every_answer_unknown(bench):
    bench.gone(bench.scheduler.submit(JobDescription("true")))
    bench.end_runner()
    bench.scheduler.spool.database.write_bytes(b"no database" * 1000)
    answer = bench.see(1)
    assert isinstance(answer, Unknown) and "can't be read" in answer.reason
    with pytest.raises(SchedulerError):
        bench.scheduler.submit(JobDescription("true"))
    for path in bench.scheduler.spool.folder.glob("queue.db*"):
        path.unlink()


def test_no_step_of_the_runner_reads_a_whole_table(bench):
    bench.scheduler.submit(JobDescription("true", hold=True))
    queries = [
        "SELECT * FROM processes WHERE state = 'running'",
        "SELECT * FROM processes WHERE state = 'idle' AND role != 'service'"
        " ORDER BY priority DESC, id LIMIT 2",
        "SELECT * FROM processes WHERE state = 'idle' AND role = 'service'",
        "SELECT * FROM clusters WHERE kind = 'dag' AND state = 'idle'",
        "SELECT * FROM processes WHERE cluster = 1 ORDER BY proc",
        "SELECT * FROM clusters WHERE dag = 1",
    ]
    with sqlite3.connect(bench.scheduler.spool.database) as db:
        for query in queries:
            plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert "USING INDEX" in plan and "TEMP B-TREE" not in plan, (query, plan)
    db.close()
