"""Single jobs and clusters on the real pool, started together and checked one by one."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import JobDescription, Tag, Ticket
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.observations import JobState, NotFound, Present, Progress
from tests.scheduler.event_logs import tagged_clusters

pytestmark = pytest.mark.htcondor


@dataclass(frozen=True)
class Job:
    uid: str
    id: int
    log: Path


def _shell(folder: Path, name: str, script: str, **commands: Any) -> JobDescription:
    program = folder / f"{name}.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    paths = [folder / f"{name}.{end}" for end in ("out", "err", "log")]
    return JobDescription(program, *paths, arguments="$(Process)", **commands)


@pytest.fixture(scope="module")
def jobs(condor: Any, project: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    folder = tmp_path_factory.mktemp("jobs")
    missing = JobDescription("/no/such/program", log=folder / "missing.log")
    descriptions = {
        "missing": missing,  # first: it takes longest to be held
        "good": _shell(folder, "good", "exit 0"),
        "bad": _shell(folder, "bad", "exit 3"),
        "killed": _shell(folder, "killed", "kill -9 $$"),
        "many": _shell(folder, "many", "exit $1", queue=3),
        "half": _shell(folder, "half", "test $1 = 0 || exec sleep 600", queue=2),
        "doomed": _shell(folder, "doomed", "exec sleep 600"),
        "pausing": _shell(folder, "pausing", "exec sleep 600"),
        "waiting": _shell(folder, "waiting", "exit 0", requirements="false"),
        "kept": _shell(folder, "kept", "exit 4", leave_in_queue="JobStatus == 4"),
    }
    started = {}
    for name, description in descriptions.items():
        tag = Tag(project, f"subject/{name}", str(uuid.uuid4()))
        with condor.tagged(tag):
            started[name] = Job(tag.uid, condor.submit(description), folder / f"{name}.log")
    return started


def test_a_job_that_ends_well_has_its_exit_code_from_the_event_log(jobs: Any, ask: Any) -> None:
    job = jobs["good"]
    end = ask.logged(job.uid, job.id, job.log)
    assert (end.job_id, end.exit_code) == (job.id, 0)
    assert not end.removed and end.signal is None and end.progress is None


def test_without_a_log_the_history_tells_the_exit_code(jobs: Any, ask: Any) -> None:
    job = jobs["bad"]
    end = ask.left(job.uid, job.id)
    assert (end.job_id, end.exit_code) == (job.id, 3)
    assert ask.once(job.uid, job.id, job.log).exit_code == 3
    # A shadow may be late on a busy machine, but not by an hour, as in another time zone.
    assert abs(end.ended_at - ask.once(job.uid, job.id, job.log).ended_at) < 300


@pytest.mark.parametrize("with_log", [True, False])
def test_a_job_ended_by_a_signal_has_no_exit_code(jobs: Any, ask: Any, with_log: bool) -> None:
    job = jobs["killed"]
    end = ask.end(job.uid, job.id, *[job.log] * with_log)
    assert (end.exit_code, end.signal, end.removed) == (None, signal.SIGKILL, False)


@pytest.mark.parametrize("with_log", [True, False])
def test_of_several_processes_the_first_exit_code_that_is_not_zero_counts(
    jobs: Any, ask: Any, with_log: bool
) -> None:
    job = jobs["many"]
    end = ask.end(job.uid, job.id, *[job.log] * with_log)
    assert end.exit_code == 1
    assert end.progress == Progress(total=3, done=1, failed=2)


def test_a_cluster_of_which_some_processes_left_is_present(jobs: Any, ask: Any) -> None:
    job = jobs["half"]
    answer = ask.until(lambda a: a.progress.done == 1 and a.progress.running == 1, job.uid, job.id)
    assert answer.started is not None
    assert answer == Present(
        job.id,
        JobState.RUNNING,
        progress=Progress(total=2, done=1, running=1),
        started=answer.started,
    )


def test_a_removed_job_says_why(condor: Any, jobs: Any, ask: Any) -> None:
    job = jobs["doomed"]
    condor.remove(job.id, "not needed any more")
    for logs in ([job.log], []):
        end = ask.end(job.uid, job.id, *logs)
        assert end.removed and end.exit_code is None
        assert "not needed any more" in end.reason


def test_removing_holding_and_releasing_a_job_that_is_not_there_is_no_error(condor: Any) -> None:
    for act in (condor.remove, condor.hold, condor.release):
        act(99_999_999)


def test_a_held_job_says_why_and_runs_again_once_released(condor: Any, jobs: Any, ask: Any) -> None:
    job = jobs["pausing"]
    running = lambda a: isinstance(a, Present) and a.state is JobState.RUNNING  # noqa: E731
    ask.until(running, job.uid, job.id)
    condor.hold(job.id, "wait a little")
    held = ask.until(lambda a: a.state is JobState.HELD, job.uid, job.id)
    assert held.reason.startswith("wait a little")
    condor.release(job.id)
    assert ask.until(running, job.uid, job.id).reason is None


def test_a_request_that_was_raised_while_the_job_was_held_is_what_it_runs_with(
    condor: Any, ask: Any, project: str, tmp_path: Path
) -> None:
    uid = "raised-" + project
    job = _shell(tmp_path, "raised", "exit 0", memory=100, hold=True, queue=2)
    with condor.tagged(Tag(project, "subject/raised", uid)):
        number = condor.submit(job)
    assert ask.once(uid, number).state is JobState.HELD
    condor.raise_requests(number, memory_mb=321, disk_kb=54321)
    condor.release(number)
    assert ask.left(uid, number).exit_code == 0
    wanted = ["RequestMemory", "RequestDisk", "MemoryProvisioned"]
    ads = condor.connection.history(f"ClusterId == {number}", wanted, time.time() - 600)
    assert [(ad["RequestMemory"], ad["RequestDisk"]) for ad in ads] == [(321, 54321)] * 2
    assert all(ad["MemoryProvisioned"] >= 321 for ad in ads)


def test_requests_of_a_job_that_is_not_there_can_not_be_raised(condor: Any) -> None:
    with pytest.raises(SchedulerError, match="job 99999999 is not in the queue"):
        condor.raise_requests(99_999_999, memory_mb=1)


def test_what_waits_is_counted_for_the_project_alone(
    pool: None, tmp_path: Path, ask: Any, jobs: Any
) -> None:
    mine = f"counted-{uuid.uuid4()}"
    condor = HTCondor(project=mine)
    assert condor.queued() == 0
    with condor.tagged(Tag(mine, "subject/counted", mine)):
        number = condor.submit(_shell(tmp_path, "counted", "", requirements="false", queue=3))
    try:
        assert condor.queued() == 3
        assert HTCondor().queued() is None
    finally:
        condor.remove(number)


def test_a_job_in_the_queue_is_found_by_its_tag_alone(jobs: Any, ask: Any) -> None:
    job = jobs["waiting"]
    assert ask.once(job.uid) == Present(job.id, JobState.IDLE)


@pytest.mark.parametrize("with_log", [True, False])
def test_a_job_that_left_is_found_by_its_tag_alone(jobs: Any, ask: Any, with_log: bool) -> None:
    job = jobs["good"]
    end = ask.logged(job.uid, None, job.log) if with_log else ask.left(job.uid)
    assert (end.job_id, end.exit_code) == (job.id, 0)
    assert end.evidence == ("event log" if with_log else "history")


def test_the_tag_stands_in_queue_log_and_history(
    condor: Any, jobs: Any, ask: Any, project: str
) -> None:
    waiting, good = jobs["waiting"], jobs["good"]
    wanted = ["AsimovProject", "AsimovAnalysis", "AsimovUID", "JobBatchName"]
    [ad] = condor.connection.queue(f"ClusterId == {waiting.id}", wanted)
    assert [ad[name] for name in wanted] == [
        project,
        "subject/waiting",
        waiting.uid,
        "subject/waiting",
    ]
    ask.left(good.uid, good.id)
    [ad] = condor.connection.history(f'AsimovUID == "{good.uid}"', wanted, None, most=1)
    assert ad["AsimovProject"] == project
    assert tagged_clusters(read_events(good.log)[0], "AsimovUID", good.uid) == {good.id}


def test_a_completed_job_that_stays_in_the_queue_is_gone(jobs: Any, ask: Any) -> None:
    job = jobs["kept"]
    end = ask.end(job.uid, job.id)
    assert (end.exit_code, end.evidence) == (4, "queue")


def test_a_job_that_lost_its_tag_is_found_by_its_number(condor: Any, ask: Any) -> None:
    commands = {"executable": "/bin/true", "requirements": "false"}
    submit = subprocess.run(
        ["condor_submit", "-terse"],
        input="".join(f"{k} = {v}\n" for k, v in commands.items()) + "queue\n",
        text=True,
        capture_output=True,
        check=True,
    )
    number = int(submit.stdout.split(".")[0])
    try:
        assert ask.once("some-uid", number) == Present(number, JobState.IDLE)
        assert isinstance(ask.once("some-uid", number, since=9e9), NotFound)
    finally:
        condor.remove(number)
    assert ask.end("some-uid", number).removed


def test_a_number_that_another_attempt_has_is_not_taken_for_this_ones(jobs: Any, ask: Any) -> None:
    assert isinstance(ask.once("another-uid", jobs["waiting"].id), NotFound)


def test_one_call_answers_for_every_ticket(condor: Any, jobs: Any) -> None:
    tickets = [Ticket(job.uid, job.id, 0.0) for job in jobs.values()]
    answers = condor.observe([*tickets, Ticket("nobody", None, 0.0)])
    assert answers.keys() == {*(job.uid for job in jobs.values()), "nobody"}
    assert answers["nobody"] == NotFound(("queue", "event log", "history"))


def test_without_a_project_jobs_are_asked_for_by_their_own_identity(condor: Any, jobs: Any) -> None:
    job = jobs["waiting"]
    nameless = type(condor)(condor.connection)
    assert nameless.observe([Ticket(job.uid, None, 0.0)])[job.uid] == Present(job.id, JobState.IDLE)


def test_a_submit_file_and_a_program_can_be_submitted(
    condor: Any, ask: Any, project: str, tmp_path: Path
) -> None:
    submit = tmp_path / "job.sub"
    submit.write_text("executable = /bin/true\nrequirements = false\nqueue 2\n")
    program = tmp_path / "run.sh"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with condor.tagged(Tag(project, "subject/file", "file-" + project)):
        cluster = condor.submit(submit)
    assert ask.once("file-" + project).progress == Progress(total=2, idle=2)
    assert ask.once("file-" + project).job_id == cluster
    with condor.tagged(Tag(project, "subject/program", "program-" + project)):
        cluster = condor.submit(str(program))
    assert ask.end("program-" + project, cluster, tmp_path / "run.log").exit_code == 7


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (JobDescription("/bin/true", universe="nonsense"), "nonsense"),
        (JobDescription("no-such-program-here"), "no-such-program-here"),
        ("no-such-file.sub", "no such submit file"),
    ],
)
def test_a_refused_submission_says_why(condor: Any, job: Any, words: str) -> None:
    with pytest.raises(SchedulerError, match=words):
        condor.submit(job)


def test_many_submissions_do_not_end_the_process(pool: None, tmp_path: Path) -> None:
    # Before Python 3.12 the bindings lose a reference to None at each submission.
    program = """
import gc
import sys
from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.htcondor import HTCondor
condor = HTCondor()
job = JobDescription("/bin/true", hold=True)
for _ in range(20):  # until all is loaded and cached
    condor.remove(condor.submit(job))
gc.collect()  # garbage refers to None as well
before = sys.getrefcount(None)
for _ in range(50):
    condor.remove(condor.submit(job))
gc.collect()
assert sys.getrefcount(None) > before - 25, (before, sys.getrefcount(None))
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_service_is_started_again_after_it_was_killed(
    condor: Any, ask: Any, project: str, tmp_path: Path
) -> None:
    log = tmp_path / "service's log.txt"
    uid = "service-" + project
    with condor.tagged(Tag(project, "service", uid)):
        number = condor.start_service(
            ["/bin/sh", "-c", 'echo "pid $$ has $1"; exec sleep 600', "sh", "a \"b\" 'c' $d"], log
        )

    def pids() -> list[int]:
        lines = log.read_text().splitlines() if log.exists() else []
        assert all(line.endswith("has a \"b\" 'c' $d") for line in lines)
        return [int(line.split()[1]) for line in lines]

    ask.until(lambda _: len(pids()) == 1, uid, number)
    os.kill(pids()[0], signal.SIGKILL)
    answer = ask.until(lambda _: len(pids()) == 2, uid, number)
    assert isinstance(answer, Present)
    condor.remove(number)
    assert ask.end(uid, number).removed


def test_a_job_whose_program_is_missing_is_held(jobs: Any, ask: Any) -> None:
    job = jobs["missing"]
    answer = ask.until(
        lambda a: isinstance(a, Present) and a.state is JobState.HELD, job.uid, job.id
    )
    assert "/no/such/program" in answer.reason and answer.code


@pytest.mark.parametrize("with_project", [True, False])
def test_one_job_among_hundreds_that_nobody_knows_is_found(
    condor: Any, jobs: Any, ask: Any, with_project: bool
) -> None:
    # The schedd answers a long constraint on the history with nothing, and no error.
    job = jobs["good"]
    ask.left(job.uid, job.id)
    asked = condor if with_project else type(condor)(condor.connection)
    strangers = [Ticket(f"{job.uid}-{i}", None, time.time() - 600) for i in range(300)]
    answers = asked.observe([*strangers, Ticket(job.uid, None, time.time() - 600)])
    assert answers.pop(job.uid).exit_code == 0
    assert len(answers) == 300
    assert all(isinstance(answer, NotFound) for answer in answers.values())
