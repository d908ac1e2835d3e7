"""The state of jobs, their holds, and why they wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.observations import Gone, Held, NotFound, Present


def _sh(script: str, **commands: object) -> JobDescription:
    return JobDescription("sh", arguments=f"\"-c '{script}'\"", **commands)


def _held(bench, job: int) -> tuple[Held, ...]:
    seen = bench.see(job)
    return seen.held if isinstance(seen, Present) else ()


def test_a_held_process_tells_its_code_reason_time_and_requests(bench):
    job = JobDescription("/not/there", memory="2GB", disk=512, queue=2)
    cluster = bench.scheduler.submit(job)
    bench.until(lambda: len(_held(bench, cluster)) == 2)
    first, second = _held(bench, cluster)
    assert (first.job_id, first.process, second.process) == (cluster, 0, 1)
    assert (first.node, first.code, first.subcode) == (None, 6, 2)
    assert "/not/there" in str(first.reason)
    assert (first.memory_mb, first.disk_kb) == (2048, 512)
    age = Path(bench.scheduler.spool.database).stat().st_mtime - float(first.since)
    assert abs(age) < 60


def test_a_process_that_is_submitted_on_hold_is_held_since_then(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    (held,) = _held(bench, cluster)
    with bench.scheduler.spool.reading() as db:
        submitted = db.execute("SELECT submitted FROM clusters").fetchone()[0]
    assert (held.code, held.since, held.memory_mb) == (15, submitted, None)


def test_held_nodes_of_a_dag_are_named_and_released_one_by_one(bench):
    bench.write("n.sub", "executable = $(JOB).sh\nrequest_memory = 1.5G\nqueue\n")
    bench.write("C.sh", "#!/bin/sh\n").chmod(0o755)
    bench.write("A.sh", "#!/bin/sh\n")  # may not be executed
    bench.write("x.dag", "JOB A n.sub\nJOB B n.sub\nJOB C n.sub\n")
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: len(_held(bench, cluster)) == 2)
    held = {each.node: each for each in _held(bench, cluster)}
    assert set(held) == {"A", "B"} and held["A"].job_id != cluster
    assert held["A"].code == held["B"].code == 6
    assert held["A"].memory_mb == 1536
    bench.until(lambda: bench.see(cluster).progress.done == 1)
    assert bench.see(cluster).progress.held == 2 and bench.state(cluster) == "running"
    Path("A.sh").chmod(0o755)
    bench.scheduler.release(held["A"].job_id)
    bench.until(lambda: bench.see(cluster).progress.done == 2)
    assert [each.node for each in _held(bench, cluster)] == ["B"]
    bench.write("B.sh", "#!/bin/sh\n").chmod(0o755)
    bench.scheduler.release(held["B"].job_id)
    assert bench.gone(cluster).exit_code == 0


def test_a_dag_that_a_person_holds_is_told_beside_its_nodes(bench):
    bench.write("n.sub", "executable = /not/there\nqueue\n")
    bench.write("x.dag", "JOB A n.sub\n")
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: _held(bench, cluster))
    bench.scheduler.hold(cluster, "for now")
    bench.until(lambda: bench.state(cluster) == "held")
    own, node = _held(bench, cluster)
    assert (own.job_id, own.node, own.code) == (cluster, None, 1)
    assert "for now" in str(own.reason) and own.since >= node.since
    assert (node.node, node.code) == ("A", 6)


def test_one_answer_holds_what_is_held_of_each_of_many_jobs(bench):
    jobs = [bench.scheduler.submit(JobDescription("true", hold=True)) for _ in range(5)]
    answers = bench.scheduler.observe([Ticket(f"u{job}", job, 0.0) for job in jobs])
    assert [[h.job_id for h in answers[f"u{job}"].held] for job in jobs] == [[j] for j in jobs]


def test_the_first_news_are_the_ended_jobs_and_the_next_what_has_changed(bench):
    done = bench.scheduler.submit(JobDescription("true"))
    bench.gone(done)
    waiting = bench.scheduler.submit(JobDescription("true", hold=True))
    tickets = [Ticket(f"u{job}", job, 0.0) for job in (done, waiting, 99)]
    news = bench.scheduler.news(tickets)
    assert list(news) == [f"u{done}"] and isinstance(news[f"u{done}"], Gone)
    assert bench.scheduler.news(tickets) == {}
    bench.scheduler.release(waiting)
    found = []
    bench.until(lambda: found.extend(bench.scheduler.news(tickets).values()) or found)
    bench.gone(waiting)
    found += bench.scheduler.news(tickets).values()
    assert isinstance(found[-1], Gone) and {each.job_id for each in found} == {waiting}
    assert bench.scheduler.news(tickets) == {}


def test_a_new_job_is_news_and_what_was_observed_is_none(bench):
    assert bench.scheduler.news([]) == {}
    first = bench.scheduler.submit(JobDescription("true", hold=True))
    tickets = [Ticket("a", first, 0.0)]
    assert isinstance(bench.scheduler.news(tickets)["a"], Present)
    second = bench.scheduler.submit(JobDescription("true", hold=True))
    tickets.append(Ticket("b", second, 0.0))
    bench.scheduler.observe(tickets)
    assert bench.scheduler.news(tickets) == {}


def test_a_node_that_is_held_is_news_of_its_dag(bench):
    bench.write("n.sub", "executable = /not/there\nqueue\n")
    bench.write("x.dag", "JOB A n.sub\n")
    blocker = bench.scheduler.submit(_sh("while [ ! -e go ]; do sleep 0.02; done", cpus=2))
    cluster = bench.scheduler.submit_dag("x.dag")
    bench.until(lambda: bench.state(cluster) == "running")
    tickets = [Ticket("dag", cluster, 0.0)]
    bench.scheduler.news(tickets)
    Path("go").touch()
    found = []
    bench.until(
        lambda: found.extend(bench.scheduler.news(tickets).values()) or (found and found[-1].held)
    )
    assert found[-1].held[0].node == "A"
    assert bench.gone(blocker).exit_code == 0


def test_every_tagged_job_is_listed_without_the_nodes_of_dags(bench):
    assert bench.scheduler.jobs_of_project() == []
    bench.write("n.sub", "executable = /bin/true\nqueue\n")
    bench.write("x.dag", "JOB A n.sub\n")
    bench.scheduler.submit(JobDescription("true"))
    with bench.scheduler.tagged(Tag("p", "s/a", "uid-1")):
        dag = bench.scheduler.submit_dag("x.dag")
    with bench.scheduler.tagged(Tag("p", "s/b", "uid-2")):
        job = bench.scheduler.submit(JobDescription("true"))
    bench.gone(dag, "uid-1")
    listed = bench.scheduler.jobs_of_project()
    assert [(each.tag.uid, each.job_id) for each in listed] == [("uid-1", dag), ("uid-2", job)]


def test_another_job_of_the_same_number_is_not_found(bench):
    tag = Tag("p", "s/a", "of another attempt")
    with bench.scheduler.tagged(tag):
        cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    assert isinstance(bench.see(cluster, tag.uid), Present)
    assert isinstance(bench.see(cluster, "asked"), NotFound)
    untagged = bench.scheduler.submit(JobDescription("true", hold=True))
    found = bench.scheduler.observe([Ticket("a", untagged, 0.0), Ticket("b", untagged, 1e12)])
    assert isinstance(found["a"], Present) and isinstance(found["b"], NotFound)


def test_nothing_is_new_where_the_queue_cannot_be_read(bench):
    cluster = bench.scheduler.submit(JobDescription("true", hold=True))
    tickets = [Ticket("a", cluster, 0.0)]
    bench.scheduler.news([])
    bench.until(lambda: not bench.runner())
    database = bench.scheduler.spool.database
    kept = {path: path.read_bytes() for path in database.parent.glob("queue.db*")}
    for path in kept:
        path.unlink()
    database.write_bytes(b"no database" * 1000)
    assert bench.scheduler.news(tickets) == {}
    for path, content in kept.items():
        path.write_bytes(content)


def test_a_queue_of_the_version_before_is_brought_up_to_date(bench):
    cluster = bench.scheduler.submit(JobDescription("true"))
    bench.gone(cluster)
    bench.until(lambda: not bench.runner())
    with bench.scheduler.spool.connect() as db:
        db.execute("DROP INDEX processes_held")
        for table, column in [
            ("clusters", "held_at"),
            ("processes", "held_at"),
            ("processes", "subcode"),
            ("processes", "runs"),
        ]:
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute("UPDATE processes SET spec = json_remove(spec, '$.memory_mb', '$.disk_kb')")
        db.execute("PRAGMA user_version = 1")
    bench.scheduler.wake()
    assert bench.see(cluster).exit_code == 0
    assert bench.scheduler.usage([cluster], 0.0)[cluster].processes == 1
    held = bench.scheduler.submit(JobDescription("/not/there", log="log"))
    bench.until(lambda: _held(bench, held))
    assert [event.number for event in read_events("log")[0]] == [0, 1, 12]


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
    assert "the process that runs the local queue has died" in _why(bench, blocker)
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
    assert bench.scheduler.usage([cluster], 0)[cluster].memory_requested_mb == 64
    with pytest.raises(SchedulerError, match="no process in the local queue"):
        bench.scheduler.raise_requests(cluster, memory_mb=128)
