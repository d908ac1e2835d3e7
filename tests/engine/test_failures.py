"""Jobs that fail: which node, in whose words, and when they are submitted again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from asimov.engine import failures as module
from asimov.engine.failures import CHARACTERS
from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler import Gone
from asimov.scheduler.local import LocalScheduler
from asimov.scheduler.observations import Failure

FAILS = "exit code: 3, max resurrections: 0"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the scheduler say what failed."""

    def say(*failures: Failure, error: SchedulerError | None = None) -> None:
        def answer(self: Any, job_id: int, since: float) -> list[Failure]:
            if error:
                raise error
            return list(failures)

        monkeypatch.setattr(LocalScheduler, "failures", answer)

    return say


def failed(lab: Any) -> list[dict[str, Any]]:
    events = json.loads(lab.run("log", "s", "a", "--json").out)
    return [event for event in events if event["kind"] == "failed"]


def run_once(lab: Any, settings: str = FAILS) -> None:
    lab.apply(f"a, {settings}")
    lab.run("manage", "build", "submit")
    lab.until("a")


def test_the_failing_node_its_exit_code_and_the_end_of_its_error_file_are_told(
    lab: Any, failing: Callable[..., None]
) -> None:
    run_once(lab)
    folder = lab.rundir("a")
    (folder / "b.err").write_text("".join(f"line {n}\n" for n in range(100)) + "\n")
    failing(
        Failure(7, "b", 3, error_file=str(folder / "b.err")),
        Failure(8, "c", None, 9, error_file=str(folder / "none.err")),
        Failure(None, "d", reason="its POST script returned 2"),
    )
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "; node b failed with exit code 3 (so did c, d); it said: line 99 (b.err)" in lab.reason(
        "a"
    )
    (event,) = failed(lab)
    assert event["reason"] == "node b failed with exit code 3 (so did c, d)"
    lines = event["details"].splitlines()
    assert lines[0] == "node b failed with exit code 3; the end of b.err:"
    assert lines[-1] == "line 99"
    assert len(lines) <= 21
    shown = lab.run("log", "s", "a").out
    assert "    line 99\n" in shown
    assert "line 79\n" not in shown


def test_a_plain_job_is_told_as_before_and_its_words_are_in_the_log(
    lab: Any, failing: Callable[..., None]
) -> None:
    run_once(lab)
    path = lab.rundir("a") / "job.err"
    path.write_text("x" * 100_000 + "\nno space left\n")
    failing(Failure(7, None, 3, error_file=str(path)))
    lab.run("monitor")
    assert "; it said: no space left (job.err)" in lab.reason("a")
    assert "node" not in lab.reason("a").replace("node.err", "")
    (event,) = failed(lab)
    assert event["reason"] == "job 7 failed with exit code 3"
    assert len(event["details"]) < CHARACTERS + 200


def test_a_failure_that_wrote_no_errors_is_told_with_its_output(
    lab: Any, failing: Callable[..., None]
) -> None:
    run_once(lab)
    folder = lab.rundir("a")
    (folder / "b.err").write_text("\n \n")
    (folder / "b.out").write_text("gave up\n")
    failing(Failure(7, "b", 3, None, None, str(folder / "b.err"), str(folder / "b.out")))
    lab.run("monitor")
    assert "it said: gave up (b.out)" in lab.reason("a")


@pytest.mark.parametrize(
    "error", [SchedulerUnreachableError("no answer"), SchedulerError("not so")]
)
def test_a_scheduler_that_can_not_say_what_failed_changes_nothing_else(
    lab: Any, failing: Callable[..., None], error: SchedulerError
) -> None:
    run_once(lab)
    (lab.rundir("a") / "node.err").write_text("its last words\n")
    failing(error=error)
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "it said: its last words (node.err)" in lab.reason("a")
    (event,) = failed(lab)
    assert event["details"] == "the end of node.err:\nits last words"


def test_every_failure_before_a_new_try_is_in_the_log(
    lab: Any, failing: Callable[..., None]
) -> None:
    failing(Failure(7, "node", 3))
    lab.apply("a, exit code: 3, max resurrections: 1")
    lab.finish(code=3)
    assert len(failed(lab)) == 2


# --- again, after a pause


def test_a_failed_dag_waits_before_it_is_submitted_again(lab: Any, everything: Any) -> None:
    run_once(lab, "exit code: 3, resurrection pause: 1000")
    for _ in range(2):
        lab.run("monitor")
        row = lab.rows()["a"]
        assert row["status"] == "running"
        (told,) = row["waiting_for"]
        assert told.startswith("failed; will be submitted again in 16m (1 of 5)")
    assert [each.state for each in lab.attempts("a")] == ["submitted"]
    assert failed(lab) == []
    before = lab.dump(), everything(lab.root)
    assert "will be submitted again in 16m (1 of 5)" in lab.run("monitor", "--dry-run").out
    assert (lab.dump(), everything(lab.root)) == before
    # Once the pause is over it goes on.
    lab.apply("a, exit code: 3, resurrection pause: 0", update=True)
    lab.run("monitor")
    assert [each.state for each in lab.attempts("a")] == ["ended", "submitted"]


def test_the_pause_doubles(lab: Any) -> None:
    run_once(lab, "exit code: 3, resurrection pause: 0")
    lab.run("monitor")
    lab.until("a")
    lab.apply("a, exit code: 3, resurrection pause: 1000", update=True)
    lab.run("monitor")
    (told,) = lab.rows()["a"]["waiting_for"]
    assert told == "failed; will be submitted again in 33m (2 of 5)"


def test_short_pauses_are_waited_for_to_the_end(lab: Any) -> None:
    lab.apply("a, exit code: 3, resurrection pause: 0.2, max resurrections: 2")
    lab.finish(code=3)
    ended = [each.ended for each in lab.attempts("a")]
    intended = [each.intended for each in lab.attempts("a")]
    assert len(lab.jobs()) == 3
    assert intended[2] - intended[1] >= 0.4
    assert ended[0] <= ended[1] <= ended[2]


def test_jobs_of_htcondor_pause_by_default_and_local_ones_do_not(lab: Any) -> None:
    run_once(lab, "exit code: 3")
    workspace = lab.open()
    workspace.journal.write("UPDATE attempts SET scheduler = 'HTCondor'")
    (attempt,) = workspace.journal.attempts(("s", "a"))
    analysis = workspace.analysis(("s", "a"))
    now = time.time()
    gone = Gone(1, 3, "queue", ended_at=now)
    retry = module.retry(workspace, analysis, attempt, gone)
    assert retry is not None
    assert (retry.number, retry.of, retry.allowed) == (1, 5, True)
    assert retry.due == now + 60
    # A clock that is ahead does not put it off for long, and one that tells nothing not at all.
    late = module.retry(workspace, analysis, attempt, Gone(1, 3, "queue", ended_at=now + 9999))
    assert late is not None
    assert late.due < now + 70
    attempt.scheduler = "local"
    here = module.retry(workspace, analysis, attempt, gone)
    assert here is not None
    assert here.due == now
    assert module.retry(workspace, analysis, attempt, Gone(1, 3, "queue", removed=True)) is None
    workspace.journal.close()


def test_a_dry_run_says_that_a_failed_dag_would_be_submitted_again(
    lab: Any, everything: Any
) -> None:
    run_once(lab, "exit code: 3")
    lab.run("monitor", "--dry-run")
    before = lab.dump(), everything(lab.root)
    ran = lab.run("monitor", "--dry-run")
    assert "; would be submitted again (1 of 5)" in ran.out
    assert "stuck" not in ran.out
    assert (lab.dump(), everything(lab.root)) == before


def test_a_pipeline_that_would_submit_for_ever_is_not_called_any_more(
    lab: Any, simple: Any
) -> None:
    def resurrect(self: Any) -> None:
        self.production.job_id = self.scheduler.submit_dag(str(self.dag_file))

    lab.register("endless", type("P", (simple,), {"resurrect": resurrect}))
    lab.apply("a, pipeline: endless, exit code: 1, max resurrections: 3")
    lab.finish(code=3)
    assert len(lab.jobs()) == 4
    assert "it was already submitted again 3 times" in lab.reason("a")
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish(code=3)
    assert len(lab.jobs()) == 8


@pytest.mark.parametrize("setting", ["max resurrections", "resurrection pause"])
@pytest.mark.parametrize("value", ["many", -1, True])
def test_a_limit_that_a_pipeline_has_written_and_is_no_number_is_told(
    lab: Any, simple: Any, setting: str, value: object
) -> None:
    def write(self: Any, dryrun: bool = False) -> None:
        self.production.meta[setting] = value

    lab.register("writes", type("P", (simple,), {"before_submit": write}))
    run_once(lab, "pipeline: writes, exit code: 1")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    kind = {"max resurrections": "a whole number of at least 0"}
    wanted = kind.get(setting, "a number of seconds, at least 0")
    assert f"{setting}: should be {wanted}, not {value!r}" in lab.reason("a")


def test_a_scheduler_that_can_not_be_reached_for_another_try_is_asked_again(
    lab: Any, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resurrect(self: Any) -> None:
        self.production.job_id = self.scheduler.submit_dag(str(self.dag_file))

    def refuse(self: Any, *arguments: Any, **named: Any) -> int:
        raise SchedulerUnreachableError("no answer from the schedd")

    lab.register("again", type("P", (simple,), {"resurrect": resurrect}))
    run_once(lab, "pipeline: again, exit code: 1, max resurrections: 1")
    with monkeypatch.context() as patch:
        patch.setattr(LocalScheduler, "submit_dag", refuse)
        lab.run("monitor")
        (row,) = lab.rows().values()
        assert (row["status"], row["job_state"]) == ("running", "unknown")
        assert "no answer from the schedd" in row["waiting_for"][0]
    lab.finish(code=3)
    assert len(lab.jobs()) == 2
    assert [each.state for each in lab.attempts("a")] == ["ended", "void", "ended"]


def test_of_many_that_fail_in_one_pass_the_scheduler_is_asked_about_some(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED", 2)
    asked: list[int] = []
    own = LocalScheduler.failures

    def count(self: LocalScheduler, job_id: int, since: float) -> list[Failure]:
        asked.append(job_id)
        return own(self, job_id, since)

    monkeypatch.setattr(LocalScheduler, "failures", count)
    fails = "pipeline: command, executable: ls, arguments: [/nowhere/at/all], outputs: {x: y}"
    names = "abcde"
    lab.apply(*(f"{name}, {fails}" for name in names))
    lab.run("manage", "build", "submit")
    for name in names:
        lab.until(name)
    lab.run("monitor")
    assert lab.states() == dict.fromkeys(names, "stuck")
    assert len(asked) == 2
    for name in names:  # the others' words are from the files in the run directory
        assert "/nowhere/at/all" in lab.reason(name)
        events = json.loads(lab.run("log", "s", name, "--json").out)
        (event,) = [event for event in events if event["kind"] == "failed"]
        assert "/nowhere/at/all" in event["details"]
