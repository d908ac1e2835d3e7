"""The recording scheduler: what is given to it is kept, and jobs are as the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler import NotFound, Progress
from asimov.scheduler.jobs import JobDescription, Ticket
from asimov.testing import Clock, RecordingScheduler, ScratchProject


@pytest.fixture
def recording() -> RecordingScheduler:
    return RecordingScheduler()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000_000.0)


@pytest.fixture
def project(
    tmp_path: Path, recording: RecordingScheduler, clock: Clock
) -> Iterator[ScratchProject]:
    with ScratchProject(tmp_path / "scratch", recording, clock=clock) as made:
        made.add_subject("s")
        made.add_analysis("s", "a", "simpletestpipeline")
        made.monitor(chain=True)
        yield made


def test_a_submission_is_kept_with_its_tag(
    project: ScratchProject, recording: RecordingScheduler
) -> None:
    (made,) = recording.submissions
    (attempt,) = project.workspace.journal.attempts(("s", "a"))
    assert (made.job_id, made.kind, made.nodes) == (1, "dag", ("node",))
    assert made.tag is not None
    assert made.tag.uid == attempt.uid
    assert made.tag.analysis == "s/a"
    assert made.file == project.rundir("s", "a") / "a.dag"
    assert made.batch_name == "simpletestpipeline/s/a"


def test_a_description_is_kept_with_its_commands(tmp_path: Path) -> None:
    recording = RecordingScheduler()
    job = JobDescription("/bin/true", output=tmp_path / "out", memory="1 GB")
    assert recording.submit(job) == 1
    (made,) = recording.submissions
    assert made.commands["request_memory"] == "1 GB"
    assert (made.kind, made.tag, made.file) == ("job", None, None)


def test_a_job_is_as_the_test_says(project: ScratchProject, recording: RecordingScheduler) -> None:
    def state() -> tuple[str, str | None]:
        project.monitor()
        return project.status()["s/a"], project.workspace.records["s", "a"].job_state

    assert state() == ("running", "idle")
    recording.running(1, Progress(3, done=1))
    assert state() == ("running", "running")
    recording.held(1, "no disk", 12)
    assert state()[1] == "held"
    recording.running(1)
    assert state() == ("running", "running")
    with recording.unreachable("gone fishing"):
        assert state() == ("running", "unknown")
    recording.vanished(1)
    assert state() == ("running", "lost")
    recording.ended(1, 1)
    assert state() == ("stuck", None)
    assert "exit code 1" in project.reason("s", "a")


def test_an_end_that_is_well_completes(
    project: ScratchProject, recording: RecordingScheduler
) -> None:
    (project.rundir("s", "a") / "result.txt").write_text("done\n")
    recording.ended(1)
    assert project.run_until_idle().all_done
    assert project.status() == {"s/a": "uploaded"}


def test_a_removal_is_recorded_and_carried_out(
    project: ScratchProject, recording: RecordingScheduler
) -> None:
    project.set_state("s", "a", "stop")
    project.monitor()
    assert recording.requests == [("remove", 1, "removed by asimov")]
    project.monitor()
    assert project.status() == {"s/a": "stopped"}


def test_a_refusal_and_an_outage_meet_submissions(
    project: ScratchProject, recording: RecordingScheduler
) -> None:
    project.add_analysis("s", "b", "simpletestpipeline")
    with recording.unreachable():
        project.monitor(chain=True)
        assert project.status()["s/b"] == "ready"
        with pytest.raises(SchedulerUnreachableError):
            recording.remove(1)
    with recording.refusing("no such group"):
        project.monitor(chain=True)
    assert project.status()["s/b"] == "stuck"
    assert "no such group" in project.reason("s", "b")
    assert len(recording.submissions) == 1


def test_files_are_refused_as_a_scheduler_does(tmp_path: Path) -> None:
    recording = RecordingScheduler()
    (tmp_path / "broken.dag").write_text("JOBS node node.sub\n")
    with pytest.raises(SchedulerError, match=r"broken\.dag"):
        recording.submit_dag(tmp_path / "broken.dag")
    with pytest.raises(SchedulerError):
        recording.submit(tmp_path / "nothing.sub")
    assert recording.submissions == []


def test_of_another_identity_a_job_is_not_removed(recording: RecordingScheduler) -> None:
    job_id = recording.submit(JobDescription("/bin/true"))
    recording.remove(job_id, uid="another")
    assert not isinstance(recording.observe([Ticket("x", job_id, 0)])["x"], NotFound)
    assert recording.queued() == 1


def test_pauses_go_by_the_clock(
    project: ScratchProject, recording: RecordingScheduler, clock: Clock
) -> None:
    dag = project.rundir("s", "a") / "a.dag"
    dag.with_name("a.dag.rescue001").write_text("")
    recording.ended(1, 1)
    project.monitor()
    assert len(recording.submissions) == 1
    clock.advance(59)
    project.monitor()
    assert len(recording.submissions) == 1
    clock.advance(2)
    project.monitor()
    assert len(recording.submissions) == 2
    assert project.why("s", "a").since == "2001-09-09T01:46:40Z"
