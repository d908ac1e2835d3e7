"""Killed between any two writes, analyses are not forgotten and nothing is made twice."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.engine import attempts, batch
from asimov.engine.lease import at_work
from asimov.engine.provenance.record import read
from asimov.journal.provenance import ProvenanceRecords
from asimov.project.git.repository import EventRepo
from asimov.scheduler import Observation, Tag, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler
from tests import preloaded
from tests.searching import first

#: Runs asimov, which is killed when a method of a class is called for the n-th time.
KILLED = """
import importlib, os, signal, sys
from asimov.cli import main

module, kind, method, number = sys.argv[1:5]
del sys.argv[1:5]
owner = getattr(importlib.import_module(module), kind)
own = getattr(owner, method)
left = [int(number)]

def die(*arguments, **named):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return own(*arguments, **named)

setattr(owner, method, die)
main()
"""


def killed(lab: Any, module: str, kind: str, method: str, number: int, *command: str) -> bool:
    done = preloaded.run(KILLED, module, kind, method, number, *command, cwd=lab.root)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


JOURNAL = ("asimov.journal.journal", "Journal")
BUILDS = ("asimov.journal.builds", "Builds")


@pytest.mark.parametrize(
    "method", first(2, ["submitted", "ended", "set_status", "note", "set_facts"])
)
def test_a_pass_that_is_killed_at_any_write_forgets_no_job(lab: Any, method: str) -> None:
    lab.apply("bad, exit code: 1, max resurrections: 1", "good", "next, needs: [good]")
    for number in (1, 2, 3):
        killed(lab, *JOURNAL, method, number, "monitor", "--chain")
        for name in lab.states():
            if lab.attempts(name):
                lab.until(name, lambda answer: type(answer).__name__ in {"Gone", "NotFound"})
    lab.finish(code=3)
    assert lab.states() == {"bad": "stuck", "good": "uploaded", "next": "uploaded"}
    for name in lab.states():
        assert {each.state for each in lab.attempts(name)} <= {"ended", "void"}
    with_tag = [uid for _, uid in lab.jobs()]
    assert len(with_tag) == len(set(with_tag))


#: Submits six analyses in batches of three, and is killed when a function is called for the n-th
#: time; what is known is written after each submission, or with the batch.
BATCHES = """
import os, signal, sys
from asimov.cli import main
from asimov.engine import batch
from asimov.journal.journal import Journal
from asimov.scheduler.local import LocalScheduler
from tests import preloaded

name, number, batch.SOON = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
del sys.argv[1:4]
batch.MOST, batch.SLOW, left = 3, 1000, [number]

def dying(own):
    def call(*arguments, **named):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = own(*arguments, **named)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return call

owner = {"intend": batch, "perform": batch, "record_job": batch,
         "submit_dag": LocalScheduler, "submitted": Journal, "set_status": Journal}[name]
setattr(owner, name, dying(getattr(owner, name)))
main()
"""


@pytest.mark.parametrize("soon", first(1, [1000, 0]), ids=["recorded together", "each recorded"])
@pytest.mark.parametrize(
    "name", first(3, ["intend", "submit_dag", "submitted", "perform", "record_job", "set_status"])
)
def test_a_batch_that_is_killed_anywhere_submits_nothing_twice(
    lab: Any, name: str, soon: int
) -> None:
    names = [f"a{number}" for number in range(6)]
    lab.apply(*names)
    lab.run("manage", "build")
    for number in (1, 4, 6, 7, 9, 12, 12):
        done = preloaded.run(BATCHES, name, number, soon, "manage", "submit", cwd=lab.root)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if number == 1:
            assert done.returncode == -signal.SIGKILL
            told = {each: len(lab.attempts(each)) for each in names}
            # Those of a batch are all intended, or none is; there is nothing of the next one.
            whole = 0 if name == "intend" else 3
            assert told == {each: whole and int(each < "a3") for each in names}
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    uids = [uid for _, uid in lab.jobs()]
    assert len(uids) == len(set(uids)) == len(names)
    for each in names:
        *void, last = lab.attempts(each)
        assert {attempt.state for attempt in void} <= {"void"}
        assert (last.state, (last.job_id, last.uid) in lab.jobs()) == ("ended", True)
        with closing(lab.open().journal) as journal:
            ran = read(ProvenanceRecords(journal), last.uid)
        assert ran is not None and ran.uid == last.uid


def test_intents_of_a_batch_are_settled_with_one_question(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    own = LocalScheduler.observe

    def observe(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        asked.append(len(tickets))
        return own(self, tickets)

    names = [f"a{number}, seconds: 1000" for number in range(250)]
    lab.apply(*names)
    workspace = lab.open()
    with workspace.journal.durably():
        for number in range(250):
            workspace.journal.intend(("s", f"a{number}"), f"uid{number}", "run", "local")
    scheduler = workspace.scheduler()
    submit = lab.root / "job.sub"
    submit.write_text("executable = /bin/true\nqueue\n")
    for number in (3, 77, 249):
        with scheduler.tagged(Tag("project", f"s/a{number}", f"uid{number}")):
            scheduler.submit(submit)
    lines: list[str] = []
    monkeypatch.setattr(LocalScheduler, "observe", observe)
    with at_work(workspace, "a test"):
        assert attempts.resolve_intents(workspace, lines.append) == {}
    assert asked == [250]
    assert len(lines) == 250
    assert sum("was found by its tag" in line for line in lines) == 3
    states = [workspace.status(("s", f"a{number}")) for number in range(250)]
    assert (states.count("running"), states.count("ready")) == (3, 247)
    assert len(workspace.journal.open_attempts()) == 3


def test_of_an_interrupted_batch_only_the_one_in_hand_is_left_to_settle(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = batch.perform

    def perform(analysis: Any, *arguments: Any) -> Any:
        if analysis.name == "b":
            raise KeyboardInterrupt
        return own(analysis, *arguments)

    lab.apply("a", "b", "c", "d")
    lab.run("manage", "build")
    with monkeypatch.context() as patch:
        patch.setattr(batch, "perform", perform)
        ran = lab.asimov("manage", "submit")
    assert ran.code != 0
    assert "s/a: submitted as job" in ran.out
    told = {name: [each.state for each in lab.attempts(name)] for name in "abcd"}
    assert told == {"a": ["submitted"], "b": ["intended"], "c": ["void"], "d": ["void"]}
    lab.run("manage", "submit")
    assert set(lab.states().values()) == {"running"}
    assert len(lab.jobs()) == 4


def test_a_build_that_was_killed_before_its_record_is_not_taken_for_an_edit(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    lab.apply("a, seconds: 0.01", update=True)
    assert killed(lab, *BUILDS, "record", 1, "manage", "build")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


def test_a_person_who_is_cut_short_has_changed_nothing(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    workspace = lab.open()
    workspace.journal.observed([(("s", "a"), "lost", "gone", None)])
    workspace.journal.close()
    command = ("production", "set", "s", "a", "--status", "finished")
    assert killed(lab, *JOURNAL, "set_status", 1, *command)
    assert lab.states() == {"a": "running"}
    assert [each.state for each in lab.attempts("a")] == ["submitted"]


# --- the scheduler answers to a submission, and then not any more


def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
    return {ticket.uid: Unknown("no answer from the schedd") for ticket in tickets}


@pytest.mark.parametrize("submits", [True, False])
@pytest.mark.parametrize("method", ["submit_dag", "after_completion", "resurrect"])
def test_an_unreachable_scheduler_leaves_the_state_as_it_is(
    lab: Any, monkeypatch: pytest.MonkeyPatch, method: str, submits: bool
) -> None:
    def quiet(self: Any) -> None:
        if submits:
            path = Path(self.production.rundir, "own.sub")
            path.write_text("executable = /bin/true\nqueue\n")
            self.scheduler.submit(path)
        if method == "after_completion":
            self.production.status = "processing"

    real = attempts.found

    def later(workspace: Any, attempt: Any, answer: Any = None) -> int | None:
        with monkeypatch.context() as patch:
            patch.setattr(LocalScheduler, "observe", unreachable)
            return real(workspace, attempt)  # asked anew, not with the answer that there was

    lab.register("quiet", type("P", (SimpleTestPipeline,), {method: quiet}))
    lab.apply(f"a, pipeline: quiet, exit code: {int(method == 'resurrect')}", "good")
    lab.run("manage", "build")
    if method != "submit_dag":
        lab.run("manage", "submit")
        lab.until("a")
    before = lab.states()["a"]
    with monkeypatch.context() as patch:
        patch.setattr("asimov.engine.batch.found", later)
        patch.setattr("asimov.engine.observe.found", later)
        lab.run("monitor", "--chain")
    assert lab.states()["a"] == before
    assert lab.attempts("a")[-1].state == "intended"
    if submits:
        lab.run("monitor")
        assert lab.attempts("a")[-1].state != "intended"
    uids = [uid for _, uid in lab.jobs()]
    assert len(uids) == len(set(uids))


# --- others at work


def test_a_command_that_waited_for_another_sees_what_that_one_did(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    from asimov.engine.submit import submit

    early = lab.open()
    lab.finish()
    with at_work(early, "a test"):
        submit(early, early.keys(), print)
    early.journal.close()
    assert lab.states() == {"a": "uploaded"}
    assert len(lab.jobs()) == 1


def test_a_repository_that_can_not_be_committed_to_stops_no_other_subject(
    lab: Any, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    subprocess.run(["git", "init", "-q", str(own)], check=True)
    (own / ".git" / "index.lock").touch()
    lab.apply("a")
    (lab.root / "t.yaml").write_text(
        f"{{kind: subject, name: t, repository: {own}}}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline}\n"
    )
    lab.run("apply", "-f", "t.yaml")
    lab.finish(code=3)
    rows = lab.rows()
    assert (rows["a"]["status"], rows["b"]["status"]) == ("uploaded", "ready")
    assert "can't be built" in " ".join(rows["b"]["waiting_for"])
    told = lab.run("monitor", "--chain", code=1).out
    assert str(own / ".git" / "index.lock") in told
    (own / ".git" / "index.lock").unlink()
    lab.finish()
    assert EventRepo(own).find_prods("b")


def test_a_current_folder_that_is_cleaned_away_is_no_fault_of_an_analysis(lab: Any) -> None:
    lab.apply("a")
    lab.finish()
    lab.run("production", "set", "s", "a", "--status", "restart")
    until = ["--until-idle", "--interval", "0.1", "--timeout", "60"]
    done = subprocess.run(
        [sys.executable, "-m", "asimov", "monitor", "--chain", *until],
        cwd=lab.rundir("a"), check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.states() == {"a": "uploaded"}


def test_a_run_directory_that_leads_out_of_the_working_folder_is_not_cleared(lab: Any) -> None:
    precious = lab.root / "precious"
    precious.mkdir()
    (precious / "data").touch()
    lab.apply("a")
    lab.finish()
    lab.apply("a, rundir: working/../precious", update=True)
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert (precious / "data").exists()


def test_a_scheduler_that_is_not_installed_any_more_stops_no_other_jobs(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "good")
    lab.run("monitor", "--chain")
    workspace = lab.open()
    workspace.journal._db.execute("UPDATE attempts SET scheduler = 'left' WHERE name = 'a'")
    workspace.journal.close()
    lab.until("good")
    ran = lab.run("monitor")
    assert lab.states() == {"a": "running", "good": "uploaded"}, ran
    assert "there is no scheduler 'left'" in " ".join(lab.rows()["a"]["waiting_for"])


# --- a watch that lives long


def test_a_long_watch_gathers_nothing_and_heeds_the_configuration(
    lab: Any, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.engine import watch

    lab.register("busy", type("P", (simple,), {"check_progress": lambda self: "on its way"}))
    lab.apply("a, pipeline: busy, seconds: 1000")
    lab.run("monitor", "--chain")
    open_files = []
    passes = [0]

    def sleep(seconds: float) -> None:
        passes[0] += 1
        number = passes[0]
        if number in (20, 100):
            gc.collect()
            open_files.append(len(list(Path("/proc/self/fd").iterdir())))
        if number < 100 and number % 5 == 0:
            more = f"{{kind: analysis, event: s, name: b{number}, pipeline: simpletestpipeline}}"
            (lab.root / "more.yaml").write_text(more)
            apply = preloaded.run(preloaded.ASIMOV, "apply", "-f", "more.yaml", cwd=lab.root)
            assert apply.returncode == 0, apply
        if number == 100:
            raise KeyboardInterrupt

    def children() -> int:
        count = subprocess.run(
            ["pgrep", "-c", "-P", str(os.getpid()), "git"],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        return int(count)

    before = children()  # tests before this one may have left some
    monkeypatch.setattr(watch.time, "sleep", sleep)
    lab.asimov("monitor", "--watch", "--chain", "--interval", "0.1")
    assert passes == [100]
    # The last build may have left the pipes of a git, or none has; 16 builds lie in between.
    assert open_files[1] <= open_files[0] + 3 + 2, open_files
    assert children() <= before + 2


def test_an_interrupt_while_a_batch_is_recorded_records_it_whole(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform, record_job = batch.perform, batch.record_job
    interrupted: list[str] = []

    def performed(analysis: Any, *arguments: Any) -> Any:
        made = perform(analysis, *arguments)
        if analysis.name == "b":
            monkeypatch.setattr(batch, "SLOW", -1)  # two are recorded, and one is left
        return made

    def record(workspace: Any, attempt: Any, *arguments: Any) -> None:
        if attempt.name == "b" and not interrupted:
            interrupted.append(attempt.uid)
            raise KeyboardInterrupt
        record_job(workspace, attempt, *arguments)

    lab.apply("a, seconds: 1000", "b, seconds: 1000", "c, seconds: 1000")
    lab.run("manage", "build")
    monkeypatch.setattr(batch, "SLOW", 1000)
    monkeypatch.setattr(batch, "SOON", 1000)
    monkeypatch.setattr(batch, "perform", performed)
    monkeypatch.setattr(batch, "record_job", record)
    assert lab.asimov("manage", "submit").code != 0
    assert interrupted
    told = {name: [each.state for each in lab.attempts(name)] for name in "abc"}
    assert told == {"a": ["submitted"], "b": ["submitted"], "c": ["void"]}
    assert lab.states() == {"a": "running", "b": "running", "c": "ready"}
    lab.run("manage", "submit")
    assert set(lab.states().values()) == {"running"}
    assert len(lab.jobs()) == 3
