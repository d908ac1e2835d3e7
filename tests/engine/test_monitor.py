"""The monitor's passes: what they do together, and how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from asimov.engine.lease import at_work
from asimov.scheduler import Observation, Present, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler

UNTIL = ("--until-idle", "--interval", "0.1")


def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
    return {ticket.uid: Unknown("no answer from the schedd") for ticket in tickets}


def test_a_dry_run_tells_what_would_happen_and_changes_nothing_at_all(
    lab: Any, everything: Any
) -> None:
    lab.apply("complete", "failed, exit code: 1", "next, needs: [complete]")
    lab.run("manage", "build", "submit")
    lab.until("complete")
    lab.until("failed")
    before, journal, jobs = everything(lab.root), lab.dump(), lab.jobs()
    ran = lab.run("monitor", "--chain", "--dry-run")
    assert "s/complete: would go from running to finished" in ran.out
    assert "; would be submitted again (1 of 5)" in ran.out
    assert "s/next: would be built and submitted once its needs are met" in ran.out
    assert everything(lab.root) == before
    assert lab.dump() == journal
    assert lab.jobs() == jobs


def test_a_chain_of_needs_is_gone_through_by_one_command(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]", "c, needs: [b]", "d, needs: [b, c]")
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    assert (lab.rundir("c") / "result.txt").read_text() == "s/c\ns/b\ns/a\n"
    assert (lab.root / "results" / "s" / "c" / "result.txt").exists()


def test_without_chain_nothing_is_built_or_submitted(lab: Any) -> None:
    lab.apply("a")
    ran = lab.run("monitor", "--until-idle", "--interval", "0.1", code=3)
    assert "1 can be built and submitted: 'asimov monitor --chain' does that" in ran.out
    assert lab.states() == {"a": "ready"}


def test_until_idle_ends_with_0_when_all_is_done(lab: Any) -> None:
    lab.apply("a", "b, status: wait")
    ran = lab.run("monitor", "--chain", *UNTIL, code=0)
    assert ran.out.splitlines()[-1] == "1 wait, 1 uploaded"


@pytest.mark.parametrize("other", ["exit code: 1", "needs: [nobody]", "template: nosuch.ini"])
def test_until_idle_ends_with_3_when_something_needs_a_person(lab: Any, other: str) -> None:
    lab.apply("a", f"b, {other}")
    lab.run("monitor", "--chain", *UNTIL, code=3)
    assert lab.states()["a"] == "uploaded"


def test_until_idle_ends_with_4_when_the_time_is_up(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    ran = lab.run("monitor", "--chain", *UNTIL, "--timeout", "0.2", code=4)
    assert "timed out" in ran.out
    assert lab.states() == {"a": "running"}


def test_until_idle_ends_with_5_when_the_scheduler_stays_out_of_reach(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build", "submit")
    lab.run("configuration", "update", "monitor/patience", "0.2")
    monkeypatch.setattr(LocalScheduler, "observe", unreachable)
    ran = lab.run("monitor", *UNTIL, code=5)
    assert "no answer from the schedd" in ran.out
    assert lab.states() == {"a": "running"}


def test_any_command_that_acts_ends_with_6_while_another_is_at_work(lab: Any) -> None:
    lab.apply("a")
    with at_work(lab.open(), "a test"):
        for command in (
            ["monitor"],
            ["monitor", *UNTIL],
            ["manage", "build"],
            ["manage", "submit"],
        ):
            ran = lab.run(*command, code=6)
            assert "another asimov process is using this project (a test" in ran.err
        lab.run("monitor", "--dry-run")
    lab.run("monitor")


def test_the_lease_of_a_command_that_was_killed_is_free(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    arguments = [sys.executable, "-u", "-m", "asimov", "monitor", "--chain", "--watch"]
    with subprocess.Popen(arguments, cwd=lab.root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "1 running" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    lab.run("monitor")


def test_stop_removes_the_job_and_ends_as_stopped(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b, needs: [a]")
    lab.run("manage", "build", "submit")
    lab.run("production", "set", "s", "a", "--status", "stop", "--reason", "wrong data")
    ran = lab.run("monitor")
    assert "is being removed" in ran.out
    lab.until("a")
    ran = lab.run("monitor")
    assert "s/a: stopped" in ran.out
    assert lab.states() == {"a": "stopped", "b": "ready"}
    assert lab.rows()["b"]["waiting_for"] == ["a is stopped"]
    assert "wrong data" in lab.run("log", "s", "a").out
    lab.run("monitor", "--chain", *UNTIL, code=3)


def test_restart_runs_it_again_from_a_clean_directory_and_sets_old_results_aside(
    lab: Any,
) -> None:
    lab.apply("a")
    lab.finish()
    (lab.rundir("a") / "left-over").touch()
    lab.run("production", "set", "s", "a", "--status", "restart")
    ran = lab.finish()
    assert "s/a: restart -> ready" in ran.out
    assert lab.states() == {"a": "uploaded"}
    assert not (lab.rundir("a") / "left-over").exists()
    store = lab.root / "results" / "s" / "a"
    assert (store / "result.txt").exists()
    assert (store / "superseded-1" / "result.txt").exists()
    assert json.loads((store / "superseded-1" / "manifest.json").read_text()).keys() == {
        "result.txt", "asimov-provenance.json",
    }  # fmt: skip
    assert len(lab.attempts("a")) == 2


def test_restart_of_a_running_analysis_waits_until_its_job_has_gone(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build", "submit")
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor", "--chain")
    lab.until("a")
    lab.run("monitor", "--chain")
    assert lab.states() == {"a": "running"}
    first, second = lab.attempts("a")
    assert (first.state, second.state) == ("ended", "submitted")


def test_cancelled_removes_the_job_and_stays(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build", "submit")
    lab.run("production", "set", "s", "a", "--status", "cancelled")
    lab.run("monitor", *UNTIL, code=0)
    assert lab.states() == {"a": "cancelled"}
    assert not isinstance(lab.observe("a"), Present)


def test_a_clean_that_would_leave_the_working_folder_is_refused(lab: Any, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    lab.apply(f"a, rundir: {precious}")
    lab.finish()
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")
    assert "will not be cleared" in lab.reason("a")
    assert (precious / "result.txt").exists()


def test_a_job_whose_analysis_was_deleted_from_the_ledger_is_told_and_left(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b")
    lab.run("manage", "build", "submit")
    job = lab.rows()["a"]["job_id"]
    path = lab.root / "ledger" / "subjects" / "s.yaml"
    text = path.read_text()
    start, end = text.index("- name: a\n"), text.index("- name: b\n")
    path.write_text(text[:start] + text[end:])
    ran = lab.run("monitor", "--until-idle", "--interval", "0.1", code=3)
    assert f"s/a: job {job} is active, but its analysis is not in the ledger" in ran.out
    assert lab.states() == {"a": "running", "b": "uploaded"}
    assert isinstance(lab.observe("a"), Present)
    path.write_text(text)
    assert lab.states()["a"] == "running"


def test_only_the_named_subject_is_looked_at(lab: Any) -> None:
    lab.apply("a")
    (lab.root / "other.yaml").write_text(
        "{kind: subject, name: t}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline}\n"
    )
    lab.run("apply", "-f", "other.yaml")
    lab.run("monitor", "t", "--chain", *UNTIL)
    assert lab.states() == {"a": "ready", "b": "uploaded"}


def test_what_is_broken_in_the_ledger_stops_only_its_own(lab: Any) -> None:
    lab.apply("a")
    (lab.root / "ledger" / "subjects" / "t.yaml").write_text("name: t\nanalyses: [\n")
    ran = lab.run("monitor", "--chain", *UNTIL, code=3)  # not all is known to be done
    assert "t.yaml:" in ran.err
    assert lab.states() == {"a": "uploaded"}


def test_an_idle_pass_writes_nothing(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("manage", "build", "submit")
    lab.until("a", lambda each: isinstance(each, Present) and each.progress.running == 1)
    lab.run("monitor")
    journal = lab.dump()
    lab.run("monitor", "--chain")
    assert lab.dump() == journal


def test_the_monitor_works_from_any_folder_of_the_project(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a")
    (lab.root / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(lab.root / "deep" / "down")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert list(Path.cwd().iterdir()) == []


def test_an_end_that_only_a_log_tells_does_not_hide_that_the_scheduler_is_away(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a", "b, seconds: 1000")
    lab.run("monitor", "--chain")
    ended = lab.until("a")

    def by_logs(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        away = Unknown("no answer from the schedd")
        told = replace(ended, evidence="event log")
        return {each.uid: told if each.job_id == ended.job_id else away for each in tickets}

    monkeypatch.setattr(LocalScheduler, "observe", by_logs)
    lab.run("monitor", code=5)
    assert lab.states() == {"a": "uploaded", "b": "running"}
