"""A method in which the process dies again and again is left alone, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.engine.lease import at_work
from asimov.plugins import crashes
from asimov.plugins.crashes import Call, call_log, report_last_crash
from asimov.project.workspace import Workspace
from asimov.system import clock
from tests.searching import first

#: Runs asimov with pipelines that end the process: `dying` in a method, `importing` on import.
COMMAND = """
import os, signal, sys
from types import SimpleNamespace
from asimov.discovery import entrypoints
from asimov.cli import main
from asimov.pipelines.testing import SimpleTestPipeline

how, method = sys.argv.pop(1), sys.argv.pop(1)

def die(self=None, *arguments, **named):
    if how == "exit":
        os._exit(7)
    elif how == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "group":
        os.killpg(0, signal.SIGKILL)
    elif how == "fault":
        os.kill(os.getpid(), signal.SIGSEGV)
    return True

kinds = {
    "dying": lambda: type(
        "P", (SimpleTestPipeline,), {method: die, "submits_by_program": False}
    ),
    "importing": lambda: die() and SimpleTestPipeline,
}
real = entrypoints.found
mine = {
    name: SimpleNamespace(name=name, dist=None, value=name, load=load)
    for name, load in kinds.items()
}
entrypoints.found = lambda group: {
    **real(group), **(mine if group == entrypoints.PIPELINES else {})
}
main()
"""

DIED = {"exit": 7, "signal": -signal.SIGKILL, "fault": -signal.SIGSEGV}


def run(lab: Any, how: str, method: str, *command: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND, how, method, *command],
        cwd=lab.root, check=False, capture_output=True, text=True, timeout=120,
        start_new_session=True,
    )  # fmt: skip
    return ran.returncode, ran.stdout


@pytest.fixture
def dying(lab: Any) -> Any:
    """A project in which the jobs of `bad` and `good` have ended."""
    lab.register("dying", SimpleTestPipeline)
    lab.apply("bad, pipeline: dying", "good")
    lab.run("manage", "build", "submit")
    for name in ("bad", "good"):
        lab.until(name)
    return lab


def test_a_command_that_is_killed_as_a_whole_is_not_held_against_a_method(dying: Any) -> None:
    for _ in range(4):
        assert run(dying, "group", "detect_completion", "monitor")[0] == -signal.SIGKILL
    code, told = run(dying, "not", "detect_completion", "monitor")
    assert (code, "died" in told) == (0, False), told
    assert dying.states() == {"bad": "uploaded", "good": "uploaded"}


@pytest.mark.parametrize("how", first(1, DIED))
def test_after_three_deaths_in_a_method_the_pass_goes_on_without_it(dying: Any, how: str) -> None:
    for times in range(3):
        code, told = run(dying, how, "detect_completion", "monitor")
        assert code == DIED[how]
        died = (
            f"s/bad: the process died in dying.detect_completion ({times} of 3); it is called again"
        )
        assert (died in told.splitlines()) == (times > 0), told
    code, told = run(dying, how, "detect_completion", "monitor")
    assert code == 0
    assert "s/bad: running -> stuck: the process died 3 times in" in told
    assert dying.states() == {"bad": "stuck", "good": "uploaded"}
    assert dying.reason("bad") == "the process died 3 times in dying.detect_completion"
    # Its job has ended, and it is asked about in each pass: it is still left alone.
    assert run(dying, how, "detect_completion", "monitor")[0] == 0


def test_a_submission_that_kills_the_process_submits_nothing_twice(lab: Any) -> None:
    lab.register("dying", SimpleTestPipeline)
    lab.apply("bad, pipeline: dying", "good")
    lab.run("manage", "build")
    for _ in range(3):
        assert run(lab, "exit", "submit_dag", "manage", "submit")[0] == 7
    run(lab, "exit", "submit_dag", "manage", "submit")
    assert lab.states() == {"bad": "stuck", "good": "running"}
    assert lab.reason("bad") == "the process died 3 times in dying.submit_dag"
    assert len(lab.jobs()) == 1


def test_two_deaths_are_not_enough_and_a_success_makes_them_forgotten(dying: Any) -> None:
    for how in ("exit", "signal"):
        run(dying, how, "detect_completion", "monitor")
    run(dying, "no", "detect_completion", "monitor")
    assert dying.states() == {"bad": "uploaded", "good": "uploaded"}
    with closing(dying.open().journal) as journal:
        assert journal.get_property("troubled calls") is None


def test_a_person_who_moves_the_analysis_has_it_called_again(lab: Any) -> None:
    lab.register("dying", SimpleTestPipeline)
    lab.apply("bad, pipeline: dying")
    for _ in range(3):
        run(lab, "exit", "before_config", "manage", "build")
    run(lab, "exit", "before_config", "manage", "build")
    assert lab.states() == {"bad": "stuck"}
    lab.run("production", "set", "s", "bad", "--status", "ready")
    run(lab, "no", "before_config", "monitor", "--chain")
    assert lab.states() == {"bad": "running"}


def test_a_cancelled_analysis_whose_removal_kills_the_process_stays_so(lab: Any) -> None:
    lab.register("dying", SimpleTestPipeline)
    lab.apply("bad, pipeline: dying, seconds: 1000", "good")
    lab.run("monitor", "--chain")
    lab.until("good")
    lab.run("production", "set", "s", "bad", "--status", "cancelled")
    for _ in range(3):
        run(lab, "exit", "eject_job", "monitor")
    code, out = run(lab, "exit", "eject_job", "monitor")
    assert code == 0
    assert "the process died 3 times in dying.eject_job" in out
    assert lab.states() == {"bad": "cancelled", "good": "uploaded"}


def test_an_import_that_kills_the_process_is_given_up(lab: Any) -> None:
    lab.register("importing", SimpleTestPipeline)
    lab.apply("a, pipeline: importing", "b, pipeline: importing", "good")
    for _ in range(3):
        assert run(lab, "exit", "-", "monitor", "--chain")[0] == 7
    code, _ = run(lab, "exit", "-", "monitor", "--chain")
    assert code == 1  # what it could not build
    assert lab.states() == {"a": "ready", "b": "ready", "good": "running"}
    told = "the process died 3 times in importing.import"
    assert told in " ".join(lab.rows()["b"]["waiting_for"])


# --- the record


@contextmanager
def acting(project: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(project)
    with closing(workspace.journal), at_work(workspace, "a test"):
        yield workspace


CALL = Call("s", "a", "p", "m")


def died(project: Path) -> list[str]:
    """Leave a call behind as a process that dies does; return what the next one tells."""
    with acting(project) as workspace:
        calls = call_log(workspace)
        assert calls
        calls.begin(CALL)
    told: list[str] = []
    with acting(project) as workspace:
        report_last_crash(workspace, told.append)
        report_last_crash(workspace, told.append)
    return told


def refused(project: Path) -> str | None:
    with acting(project) as workspace:
        calls = call_log(workspace)
        assert calls
        return calls.suspension(CALL, workspace.records)


def test_deaths_are_counted_and_told_once_each(project: Path) -> None:
    assert died(project) == ["the process died in p.m (1 of 3); it is called again"]
    assert refused(project) is None
    assert died(project) == ["the process died in p.m (2 of 3); it is called again"]
    assert died(project) == ["the process died 3 times in p.m"]
    assert refused(project) == "the process died 3 times in p.m"


def test_another_call_between_two_deaths_changes_nothing(project: Path) -> None:
    died(project)
    with acting(project) as workspace:
        calls = call_log(workspace)
        assert calls
        other = CALL._replace(method="other")
        calls.begin(other)
        calls.end(other, None)
    died(project)
    died(project)
    assert refused(project)


def test_a_call_is_tried_again_after_a_while(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        died(project)
    later = time.time() + crashes.PAUSE + 1
    monkeypatch.setattr(clock, "now", lambda: later)
    with acting(project) as workspace:
        calls = call_log(workspace)
        assert calls
        assert calls.suspension(CALL, workspace.records) is None
    # One more death is enough then.
    assert died(project) == ["the process died 4 times in p.m"]


@pytest.mark.parametrize("text", [b"", b"+", b"+\n", b"+[[1]]\n", b"+\xff\xfe\n", b"\0" * 100])
def test_a_record_that_was_half_written_is_none(project: Path, text: bytes) -> None:
    (project / ".asimov" / "calling").write_bytes(text)
    told: list[str] = []
    with acting(project) as workspace:
        report_last_crash(workspace, told.append)
    assert told == []


def test_troubles_of_another_version_are_forgotten(project: Path) -> None:
    with acting(project) as workspace:
        workspace.journal.set_property("troubled calls", '{"a": 1}')
    assert refused(project) is None


def test_nobody_who_does_not_act_has_a_record(project: Path) -> None:
    workspace = Workspace.open(project)
    with closing(workspace.journal):
        assert call_log(workspace) is None
        report_last_crash(workspace, pytest.fail)
    assert not (project / ".asimov" / "calling").exists()


def test_a_record_that_can_not_be_opened_hinders_nothing(lab: Any) -> None:
    (lab.root / ".asimov" / "calling").mkdir()
    lab.apply("a")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


def test_records_do_not_keep_files_open(project: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with acting(project) as workspace:
        pass
    for _ in range(5):
        with acting(project) as workspace:
            call_log(workspace)
    del workspace
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
