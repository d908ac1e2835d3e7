"""What is on hold and why, and what is new."""

from __future__ import annotations

from pathlib import Path

from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.languages.event_log import read_events
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
