"""Observing real jobs: from logs alone, held nodes in the queue, and damaged logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.log_follower import LogFollower
from asimov.scheduler.htcondor.log_news import news
from asimov.scheduler.htcondor.observation import observe
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.observations import Gone, Held, JobState, Observation, Present, Unknown

pytestmark = pytest.mark.htcondor


def _until(ask: Callable[[], Any], wanted: Callable[[Any], bool], seconds: float = 240) -> Any:
    end = time.monotonic() + seconds
    while not wanted(answer := ask()):
        assert time.monotonic() < end, f"after {seconds} s still {answer}"
        time.sleep(0.1)
    return answer


def _waiting(condor: HTCondor, project: str, folder: Path, name: str, queue: int = 1) -> Ticket:
    """Submit a job that ends when a file exists, with the exit code in the file."""
    script = folder / "wait.sh"
    script.write_text("#!/bin/sh\nuntil test -e go; do sleep 0.1; done\nexit $(cat go)\n")
    script.chmod(0o755)
    log = folder / "job.log"
    job = JobDescription(script, log=log, initialdir=folder, universe="local", queue=queue)
    tag = Tag(project, f"subject/{name}", f"{name}-{project}")
    began = time.time() - 1
    with condor.tagged(tag):
        return Ticket(tag.uid, condor.submit(job), began, (str(log),))


def _one(condor: HTCondor, ticket: Ticket, book: LogFollower, project: str | None) -> Observation:
    return observe(condor.connection, project, [ticket], book)[ticket.uid]


def test_news_see_a_jobs_end_and_ask_no_schedd(
    condor: HTCondor, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = _waiting(condor, project, tmp_path, "news")
    book = LogFollower(None)
    _until(
        lambda: _one(condor, ticket, book, project),
        lambda seen: isinstance(seen, Present) and seen.state is JobState.RUNNING,
    )

    def contact(*arguments: Any, **keywords: Any) -> None:
        raise AssertionError("the schedd was contacted")

    for method in ("locate", "ask", "demand", "queue", "history"):
        monkeypatch.setattr(Connection, method, contact)

    def heard() -> dict[str, Observation]:
        return news(book, [ticket])

    assert heard() == {}
    (tmp_path / "go").write_text("3")
    end = _until(heard, bool)[ticket.uid]
    assert isinstance(end, Gone)
    assert (end.job_id, end.exit_code, end.evidence) == (ticket.job_id, 3, "event log")
    assert heard() == {}


def test_news_see_a_hold_and_a_release(condor: HTCondor, project: str, tmp_path: Path) -> None:
    ticket = _waiting(condor, project, tmp_path, "pausing")
    book = LogFollower(None)
    _until(
        lambda: _one(condor, ticket, book, project),
        lambda seen: isinstance(seen, Present) and seen.state is JobState.RUNNING,
    )
    assert ticket.job_id is not None
    assert news(book, [ticket]) == {}

    def states() -> JobState | None:
        seen = news(book, [ticket]).get(ticket.uid)
        return seen.state if isinstance(seen, Present) else None

    condor.hold(ticket.job_id, "a pause")
    _until(states, lambda state: state is JobState.HELD)
    [held] = [
        each
        for each in [_one(condor, ticket, book, None)]
        if isinstance(each, Present) and each.code == 1
    ]
    assert [(each.job_id, each.code, each.node) for each in held.held] == [(ticket.job_id, 1, None)]
    condor.release(ticket.job_id)
    _until(states, lambda state: state in (JobState.IDLE, JobState.RUNNING))
    condor.remove(ticket.job_id)


def _dag(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_held_node_of_a_dag_and_of_one_in_it_says_which_and_why(
    condor: HTCondor, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node.sub").write_text(
        "executable = /bin/true\nlog = nodes.log\nhold = true\n"
        "request_memory = 123\nrequest_disk = 4567\nqueue\n"
    )
    _dag(tmp_path, "inner.dag", "JOB below node.sub")
    _dag(tmp_path, "outer.dag", "JOB above node.sub", "SUBDAG EXTERNAL sub inner.dag")
    tag = Tag(project, "subject/held", f"held-{project}")
    began = time.time() - 1
    with condor.tagged(tag):
        number = condor.submit_dag("outer.dag")
    ticket = Ticket(tag.uid, number, began, (str(tmp_path / "outer.dag.dagman.log"),))
    try:
        for by in (project, None):
            seen = _until(
                lambda by=by: _one(condor, ticket, LogFollower(None), by),
                lambda seen: isinstance(seen, Present) and len(seen.held) == 2,
            )
            assert seen.state is JobState.RUNNING and seen.job_id == number
            nodes: dict[str | None, Held] = {each.node: each for each in seen.held}
            assert nodes.keys() == {"above", "below"}
            for node in nodes.values():
                assert (node.code, node.memory_mb, node.disk_kb) == (15, 123, 4567)
                assert node.reason and node.since and node.since >= began
                assert node.job_id != number
    finally:
        condor.remove(number)


@pytest.mark.parametrize("damage", ["truncated", "vanished"])
def test_a_log_damaged_while_its_job_runs_ends_nothing(
    condor: HTCondor,
    project: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    ticket = _waiting(condor, project, tmp_path, damage, queue=2)
    log = Path(ticket.logs[0])
    book = LogFollower(None)
    _until(
        lambda: _one(condor, ticket, book, project),
        lambda seen: isinstance(seen, Present) and seen.state is JobState.RUNNING,
    )
    # Nothing more is written into it until they end.
    _until(lambda: [each.number for each in read_events(log)[0]].count(1), lambda n: n == 2)
    news(book, [ticket])  # reads the log
    if damage == "truncated":
        log.write_text("")
    else:
        log.unlink()
    assert news(book, [ticket]) == {}
    assert isinstance(_one(condor, ticket, book, project), Present)
    with monkeypatch.context() as patch:  # the worst: the queue does not show the job either
        patch.setattr(Connection, "queue", lambda *arguments: [])
        answer = _one(condor, ticket, book, project)
        assert isinstance(answer, Unknown) and "shows no ending" in answer.reason
        assert ("No such file" in answer.reason) == (damage == "vanished")
    (tmp_path / "go").write_text("4")
    end = _until(lambda: _one(condor, ticket, book, project), lambda seen: isinstance(seen, Gone))
    assert end.exit_code == 4 and end.progress is not None and end.progress.failed == 2
