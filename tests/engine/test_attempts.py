"""Intent before act: whatever moment a command is killed at, there is one job and it is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.attempts import ask
from asimov.errors import SchedulerUnreachableError
from asimov.scheduler import Observation, Present, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler
from tests.searching import first

#: Runs asimov so that the process is killed at a point of the first submission.
KILLED = """
import os, signal, sys
from asimov.cli import main
from asimov.engine import batch
from asimov.pipelines.testing import SimpleTestPipeline

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

point = sys.argv.pop(1)
own = SimpleTestPipeline.submit_dag
if point == "after the intent":
    batch.Batch._call_pipeline = die
elif point == "before the scheduler is called":
    SimpleTestPipeline.submit_dag = die
elif point == "after the scheduler was called":
    SimpleTestPipeline.submit_dag = lambda self, dryrun=False: (own(self), die())
elif point == "before the record":
    batch.record_job = die
main()
"""
POINTS = {
    "after the intent": 0,
    "before the scheduler is called": 0,
    "after the scheduler was called": 1,
    "before the record": 1,
}


def killed_at(point: str, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point, "manage", "build", "submit"],
        cwd=root, check=False, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_submission_that_was_killed_has_one_job_after_the_next_pass(lab: Any, point: str) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    killed_at(point, lab.root)
    assert lab.states() == {"a": "ready"}
    assert [each.state for each in lab.attempts("a")] == ["intended"]
    ran = lab.run("monitor")
    told = lab.attempts("a")[0]
    if POINTS[point]:
        assert f"job {told.job_id} was found by its tag" in ran.out
    else:
        assert told.state == "void"
        assert lab.states() == {"a": "ready"}
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert len(lab.jobs()) == 1
    assert [each.state for each in lab.attempts("a")] == ["void", "ended"][POINTS[point] :]


@pytest.mark.parametrize("point", first(1, POINTS))
def test_another_submission_settles_first(lab: Any, point: str) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    killed_at(point, lab.root)
    lab.run("manage", "submit")
    assert lab.states() == {"a": "running"}
    assert len(lab.jobs()) == 1


def test_nothing_is_submitted_while_it_is_not_known_what_became_of_an_intent(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    killed_at("after the scheduler was called", lab.root)

    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: Unknown("no answer from the schedd") for ticket in tickets}

    with monkeypatch.context() as patch:
        patch.setattr(LocalScheduler, "observe", unreachable)
        ran = lab.run("manage", "submit")
        assert "it is not known whether it was submitted: no answer from the schedd" in ran.out
        assert lab.states() == {"a": "ready"}
        lab.run("monitor", "--chain", code=5)
        until = ("--until-idle", "--interval", "0.1", "--timeout", "0.3")
        lab.run("monitor", "--chain", *until, code=5)
        assert [each.state for each in lab.attempts("a")] == ["intended"]
    assert len(lab.jobs()) == 1
    lab.finish()
    assert (lab.states(), len(lab.jobs())) == ({"a": "uploaded"}, 1)


def test_a_job_that_is_found_is_removed_where_a_person_has_cancelled_meanwhile(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build")
    killed_at("after the scheduler was called", lab.root)
    lab.run("production", "set", "s", "a", "--status", "cancelled")
    lab.run("monitor")
    assert lab.states() == {"a": "cancelled"}
    lab.until("a")
    lab.run("monitor")
    assert lab.states() == {"a": "cancelled"}
    assert [each.state for each in lab.attempts("a")] == ["ended"]


def test_a_resurrection_that_was_killed_is_not_made_twice(lab: Any) -> None:
    lab.apply("a, exit code: 1, max resurrections: 1")
    lab.run("manage", "build", "submit")
    lab.until("a")
    script = KILLED.replace("batch.record_job = die", "from asimov.engine import observe\n"
                            "    observe.record_job = die")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, "before the record", "monitor"],
        cwd=lab.root, check=False, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [each.state for each in lab.attempts("a")] == ["submitted", "intended"]
    lab.run("monitor")
    assert lab.attempts("a")[0].state == "ended"
    lab.finish(code=3)
    assert len(lab.jobs()) == 2


def test_attempts_are_numbered_and_keep_how_each_ended(lab: Any) -> None:
    lab.apply("a")
    lab.finish()
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish()
    first, second = lab.attempts("a")
    assert (first.number, second.number) == (1, 2)
    assert {(each.state, each.exit_code, each.evidence) for each in (first, second)} == {
        ("ended", 0, "queue")
    }
    assert first.uid != second.uid


PROCESSING_KILLED = """
import os, signal
from pathlib import Path
from asimov.cli import main
from asimov.engine import observe
from asimov.pipelines.testing import SimpleTestPipeline

def after_completion(self):
    post = Path(self.production.rundir, "post.sub")
    post.write_text("executable = /bin/true\\nqueue\\n")
    self.production.status = "processing"
    return self.scheduler.submit(post)

SimpleTestPipeline.after_completion = after_completion
observe.record_job = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_post_processing_whose_submission_was_killed_is_found_and_not_made_twice(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build", "submit")
    lab.until("a")
    done = subprocess.run(
        [sys.executable, "-c", PROCESSING_KILLED, "monitor"],
        cwd=lab.root, check=False, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert lab.states() == {"a": "running"}
    until = ("--until-idle", "--interval", "0.1", "--timeout", "300")
    ran = lab.run("monitor", *until)
    assert "was found by its tag" in ran.out
    assert lab.states() == {"a": "uploaded"}
    assert [(each.stage, each.state) for each in lab.attempts("a")] == [
        ("run", "ended"), ("processing", "ended"),
    ]  # fmt: skip
    assert len(lab.jobs()) == 2


def test_each_place_answers_or_fails_on_its_own_and_is_asked_once(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    class At(LocalScheduler):
        """The local scheduler at a place; the one called "far" does not answer."""

        where = ""

        @property
        def place(self) -> str:
            return self.where

        def at(self, place: str) -> LocalScheduler:
            other = replace(self)
            other.where = place or self.where
            return other

        def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
            asked.append((self.where, len(tickets)))
            if self.where == "far":
                return {ticket.uid: Unknown("no answer from far") for ticket in tickets}
            if self.where == "broken":
                raise SchedulerUnreachableError("broken can't be reached")
            return super().observe(tickets)

    monkeypatch.setattr(LocalScheduler, "from_project", At.from_project.__func__.__get__(At))
    lab.apply(*(f"{name}, seconds: 1000" for name in "abcdef"))
    monkeypatch.setattr(At, "where", "near")
    lab.run("manage", "build", "submit")
    assert {lab.attempts(name)[0].place for name in "abcdef"} == {"near"}
    workspace = lab.open()
    with workspace.journal.transaction():
        for name, place in (("b", "far"), ("c", "far"), ("d", "broken")):
            values = (place, name)
            workspace.journal.write("UPDATE attempts SET place = ? WHERE name = ?", values)
    attempts = {each.name: each for each in workspace.journal.open_attempts()}
    answers = ask(workspace, list(attempts.values()))
    told = {name: answers[attempt.uid] for name, attempt in attempts.items()}
    assert told["b"] == told["c"] == Unknown("no answer from far")
    assert told["d"] == Unknown("broken can't be reached")
    assert all(isinstance(told[name], Present) for name in "aef")
    assert sorted(asked) == [("broken", 1), ("far", 2), ("near", 3)]
    asked.clear()
    lab.run("monitor")
    assert lab.states() == dict.fromkeys("abcdef", "running")
    assert sorted(asked) == [("broken", 1), ("far", 2), ("near", 3)]
