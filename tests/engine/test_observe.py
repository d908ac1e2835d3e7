"""Evidence before verdict: what a job's end, or its absence, comes to."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.monitor import monitor
from asimov.scheduler import JobState, Observation, Present, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler
from tests.lab import Waiting

COMMAND = "pipeline: command, executable: sh, outputs: {one: one.txt, two: two.txt}"


def script(text: str) -> str:
    return f'{COMMAND}, arguments: [-c, "{text}"]'


def test_exit_code_0_with_an_output_missing_is_stuck_and_says_what_and_the_last_words(
    lab: Any,
) -> None:
    lab.apply(f"a, {script('touch one.txt; echo first >&2; echo no space left >&2; echo >&2')}")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert lab.reason("a").endswith(
        "ended with exit code 0, but it is not complete: two.txt missing; "
        "it said: no space left (job.err)"
    )


def test_an_exit_code_that_is_not_0_is_told(lab: Any) -> None:
    lab.apply(f"a, {script('exit 7')}")
    lab.finish(code=3)
    assert "ended with exit code 7, but it is not complete" in lab.reason("a")
    (attempt,) = lab.attempts("a")
    assert (attempt.state, attempt.exit_code, attempt.evidence) == ("ended", 7, "queue")


def test_a_signal_is_told(lab: Any) -> None:
    lab.apply(f"a, {script('kill -TERM $$')}")
    lab.finish(code=3)
    assert "was ended by signal 15" in lab.reason("a")


def test_a_pipeline_may_take_a_failed_job_for_complete(lab: Any, simple: Any) -> None:
    lab.register("lenient", type("P", (simple,), {"detect_completion": lambda self: True}))
    lab.apply("a, pipeline: lenient, exit code: 1")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert "ended with exit code 1 (0 of 1 done, 1 failed) and it is complete" in lab.run("log").out


@pytest.mark.parametrize("end", ["exit 1", "kill -KILL $$"])
def test_outputs_of_a_failed_command_do_not_make_it_complete(lab: Any, end: str) -> None:
    lab.apply(f"a, {script(f'touch one.txt two.txt; {end}')}")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert ", so it is not complete" in lab.reason("a")


def test_a_job_that_somebody_removed_is_stuck_and_not_submitted_again(lab: Any) -> None:
    lab.apply(f"a, {script('sleep 1000')}")
    lab.run("manage", "build", "submit")
    workspace = lab.open()
    workspace.journal.close()
    workspace.scheduler().remove(lab.rows()["a"]["job_id"], "not needed")
    lab.until("a")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "was removed: not needed" in lab.reason("a")
    assert len(lab.jobs()) == 1


def test_a_held_job_is_stuck_with_the_reason_and_goes_on_when_it_is_released(lab: Any) -> None:
    lab.apply(f"a, {script('while ! [ -e go ]; do sleep 0.02; done; touch one.txt two.txt')}")
    lab.run("manage", "build", "submit")
    workspace = lab.open()
    workspace.journal.close()
    job = lab.rows()["a"]["job_id"]
    workspace.scheduler().hold(job, "for a look")
    lab.until("a", lambda answer: isinstance(answer, Present) and answer.state.value == "held")
    lab.run("monitor")
    row = lab.rows()["a"]
    assert (row["status"], row["job_state"]) == ("stuck", "held")
    assert f"job {job} is held: for a look" in row["reason"]
    events = len(lab.run("log").out.splitlines())
    lab.run("monitor")
    assert len(lab.run("log").out.splitlines()) == events
    workspace.scheduler().release(job)
    lab.until("a", lambda answer: isinstance(answer, Present) and answer.state.value != "held")
    lab.run("monitor")
    assert lab.states() == {"a": "running"}
    (lab.rundir("a") / "go").touch()
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


def test_a_scheduler_that_can_not_be_asked_changes_no_state(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply(f"a, {script('touch one.txt two.txt')}", f"b, {script('sleep 1000')}")
    lab.run("manage", "build", "submit")
    lab.until("a")

    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: Unknown("no answer from the schedd") for ticket in tickets}

    with monkeypatch.context() as patch:
        patch.setattr(LocalScheduler, "observe", unreachable)
        ran = lab.run("monitor", code=5)
        assert "no answer from the schedd" in ran.out
        rows = lab.rows()
        assert {row["status"] for row in rows.values()} == {"running"}
        assert rows["b"]["job_state"] == "unknown"
        (line,) = rows["b"]["waiting_for"]
        assert line.startswith("unknown for ")
        assert line.endswith(": no answer from the schedd")
    lab.run("monitor")
    assert lab.states() == {"a": "uploaded", "b": "running"}
    assert lab.rows()["b"]["waiting_for"] == []


def test_a_job_that_nothing_knows_of_any_more_is_not_taken_for_complete(lab: Any) -> None:
    lab.apply(f"a, {script('touch one.txt two.txt')}")
    lab.run("manage", "build", "submit")
    lab.until("a")
    (spool,) = (lab.root / ".asimov" / "local").glob("*.db")
    with sqlite3.connect(spool) as db:
        db.execute("DELETE FROM clusters")
    db.close()
    lab.run("configuration", "update", "monitor/patience", "0.2")
    lab.run("monitor", "--until-idle", "--interval", "0.1", code=3)
    row = lab.rows()["a"]
    assert (row["status"], row["job_state"]) == ("running", "lost")
    assert "is not in the queue, and nothing shows how it ended" in row["waiting_for"][0]
    # A person may say what became of it, and then its attempt is closed.
    lab.run("production", "set", "s", "a", "--status", "finished")
    (attempt,) = lab.attempts("a")
    assert (lab.states()["a"], attempt.state) == ("finished", "ended")


def test_progress_is_told_of_nodes_and_by_the_pipeline(lab: Any, simple: Any) -> None:
    methods = {"check_progress": lambda self: {"step": 3, "of": "10\n"}}
    lab.register("telling", type("P", (simple,), methods))
    lab.apply("a, seconds: 1000", "b, seconds: 1000, pipeline: telling")
    lab.run("manage", "build", "submit")
    lab.run("monitor")
    rows = lab.rows()
    assert (rows["a"]["progress"], rows["b"]["progress"]) == ("0/1", "step: 3; of: 10")
    lab.run("report", "html")
    told = {
        "a": '<span class="figure">0/1</span>',
        "b": '<span class="figure">step: 3; of: 10</span>',
    }
    page = (lab.root / "pages" / "index.html").read_text()
    for name, figure in told.items():
        assert f'<td class="of-progress">{figure}</td>' in page
        assert figure in (lab.root / "pages" / f"analysis-s!{name}.html").read_text()


def test_a_dag_that_failed_is_submitted_again_with_its_rescue_file(lab: Any, simple: Any) -> None:
    def check(self: Any) -> bool:
        (Path(self.production.rundir) / "node.sh").write_text("echo done > result.txt\n")
        return bool(simple.detect_completion(self))

    lab.register("mending", type("P", (simple,), {"detect_completion": check}))
    lab.apply("a, pipeline: mending, exit code: 1")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    first, second = lab.attempts("a")
    assert (first.state, second.state) == ("ended", "ended")
    assert "submitted again as job" in lab.run("log", "s", "a").out


def test_resurrection_ends_after_its_limit(lab: Any) -> None:
    lab.apply("a, exit code: 1, max resurrections: 2")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert [each.state for each in lab.attempts("a")] == ["ended", "ended", "ended"]
    assert len(lab.jobs()) == 3
    assert "it was already submitted again 2 times" in lab.reason("a")


def test_a_pipeline_may_ask_for_a_state_while_its_job_runs(lab: Any, simple: Any) -> None:
    def while_running(self: Any) -> None:
        self.production.status = "Stuck"

    lab.register("asking", type("P", (simple,), {"while_running": while_running}))
    lab.apply("a, pipeline: asking, seconds: 1000")
    lab.run("manage", "build", "submit")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    assert lab.reason("a") == "its pipeline asking said so"


def test_since_when_a_job_is_unknown_is_kept_while_it_is(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply(f"a, {script('sleep 1000')}")
    lab.run("manage", "build", "submit")
    workspace = lab.open()
    reasons = iter(["no answer", "no answer", "another reason"])

    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        reason = next(reasons)
        return {ticket.uid: Unknown(reason) for ticket in tickets}

    monkeypatch.setattr(LocalScheduler, "observe", unreachable)
    seen = []
    for _ in range(3):
        monitor(workspace, print)
        record, kept = workspace.records[("s", "a")], workspace.journal.record(("s", "a"))
        assert kept is not None
        assert abs((record.job_since or 0) - (kept.job_since or 0)) < 1
        seen.append((kept.job_detail, kept.job_since))
    workspace.journal.close()
    assert seen[0] == seen[1]
    assert seen[2] == ("another reason", seen[0][1])


def test_the_job_of_another_analysis_is_none_of_its_own_though_it_has_the_number(
    lab: Any,
) -> None:
    lab.apply(f"a, {script('true')}", f"b, {script('touch one.txt two.txt')}")
    lab.run("production", "set", "s", "b", "--status", "wait")
    lab.run("manage", "build", "submit")
    lab.until("a")
    # A queue that was deleted counts from 1 again.
    (lab.root / ".asimov" / "local").rename(lab.root / "deleted")
    lab.run("production", "set", "s", "b", "--status", "ready")
    lab.run("manage", "build", "submit")
    lab.until("b")
    assert lab.rows()["a"]["job_id"] == lab.rows()["b"]["job_id"]
    lab.run("monitor")
    assert lab.states() == {"a": "running", "b": "uploaded"}
    assert lab.rows()["a"]["job_state"] == "lost"


def test_a_job_that_only_its_log_knows_is_for_a_person_and_removed_before_it_runs_again(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    removed: list[int] = []
    doubt = Unknown("job 1 is not in the queue, and its event log shows no ending", absent=True)
    with monkeypatch.context() as patch:
        patch.setattr(
            LocalScheduler, "observe", lambda self, tickets: {each.uid: doubt for each in tickets}
        )
        own = LocalScheduler.remove
        patch.setattr(
            LocalScheduler,
            "remove",
            lambda self, job_id, reason="", uid=None: (
                removed.append(job_id),
                own(self, job_id, reason),
            ),
        )
        lab.run("monitor")
        assert (lab.rows()["a"]["status"], lab.rows()["a"]["job_state"]) == ("running", "lost")
        assert not removed
        lab.run("production", "set", "s", "a", "--status", "restart")
        lab.run("monitor")
        assert removed == [1]
    assert lab.states() == {"a": "ready"}
    assert [each.state for each in lab.attempts("a")] == ["ended"]


def test_a_dag_that_was_said_to_be_processing_and_failed_is_submitted_again(lab: Any) -> None:
    def while_running(self: Any) -> None:
        self.production.status = "processing"

    lab.register("early", type("P", (Waiting,), {"while_running": while_running}))
    lab.apply("a, pipeline: early, exit code: 1, max resurrections: 1", "b")
    lab.run("manage", "build", "submit")
    lab.until("a", lambda answer: getattr(answer, "state", None) is JobState.RUNNING)
    lab.run("monitor")
    assert lab.states()["a"] == "processing"
    lab.let_go("a")
    lab.until("a")
    lab.until("b")
    lab.run("monitor")
    assert lab.states() == {"a": "processing", "b": "uploaded"}
    lab.finish(code=3)
    assert len(lab.jobs()) == 3
    assert lab.states() == {"a": "stuck", "b": "uploaded"}
