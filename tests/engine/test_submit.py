"""Submitting: once, and only what is built and as it is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import git
import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.engine import attempts
from asimov.pipeline import Pipeline, PipelineLogger
from asimov.project.requests import job_id_in


def test_a_dry_run_prints_and_touches_nothing(lab: Any, everything: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    before, journal = everything(lab.root), lab.dump()
    ran = lab.run("manage", "submit", "--dry-run")
    assert f"write {lab.rundir('a')}/a.dag" in ran.out
    assert "submit" in ran.out
    assert (everything(lab.root), lab.dump()) == (before, journal)
    assert not lab.rundir("a").exists()


def test_a_method_without_a_dry_run_is_named_and_not_called(lab: Any, simple: Any) -> None:
    def build_dag(self: Any) -> None:
        raise AssertionError("is called")

    lab.register("plain", type("P", (simple,), {"build_dag": build_dag}))
    lab.apply("a, pipeline: plain")
    lab.run("manage", "build")
    ran = lab.run("manage", "submit", "--dry-run")
    assert "plain.build_dag would be called (it has no dry run)" in ran.out


def test_what_is_not_built_is_not_submitted(lab: Any) -> None:
    lab.apply("a")
    ran = lab.run("manage", "submit")
    assert ran.out == "1 not built (it has not been built): run 'asimov manage build'\n"
    assert lab.states() == {"a": "ready"}
    assert lab.attempts("a") == []


def test_what_becomes_ready_between_build_and_submission_is_no_failure(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    lab.run("manage", "build", "submit")
    lab.run("manage", "build")
    lab.until("a")
    lab.run("monitor")  # a is complete, and so b has become ready
    ran = lab.run("manage", "submit")
    assert ran.out == "1 not built (it has not been built): run 'asimov manage build'\n"
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}


def test_a_build_of_other_settings_is_not_submitted(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    (lab.root / "ledger" / "project.yaml").write_text("speed: 2\n")
    ran = lab.run("manage", "submit")
    assert "1 not built (its settings have changed since it was built)" in ran.out
    assert lab.states() == {"a": "ready"}
    lab.run("manage", "build", "submit")
    assert lab.states() == {"a": "running"}


@pytest.mark.parametrize(
    "answer",
    ["{}", "'{}'", "({},)", "('{}', PipelineLogger('x'))", "[{}]"],
)
def test_what_submit_dag_returns_may_tell_the_job(lab: Any, simple: Any, answer: str) -> None:
    def submit_dag(self: Any) -> Any:
        job = self._submit_dag_file()
        return eval(answer.format(job), {"PipelineLogger": PipelineLogger})

    lab.register("telling", type("P", (simple,), {"submit_dag": submit_dag}))
    lab.apply("a, pipeline: telling")
    lab.run("manage", "build", "submit")
    assert (lab.states()["a"], lab.rows()["a"]["job_id"]) == ("running", lab.jobs()[0][0])


@pytest.mark.parametrize(
    "way",
    [
        "self.production.job_id = job",
        "self.production.job_id = str(job)",
        "self.production.meta['job id'] = job",
        "self.production.meta.setdefault('scheduler', {})['job id'] = job",
        "pass  # found by its tag",
    ],
)
def test_a_pipeline_may_tell_the_job_in_other_ways(lab: Any, simple: Any, way: str) -> None:
    def submit_dag(self: Any) -> None:
        exec(way, {"self": self, "job": self._submit_dag_file()})

    lab.register("telling", type("P", (simple,), {"submit_dag": submit_dag}))
    lab.apply("a, pipeline: telling")
    lab.run("manage", "build", "submit")
    ((job, _),) = lab.jobs()
    assert (lab.states()["a"], lab.rows()["a"]["job_id"]) == ("running", job)
    # Of the settings it is not one: another attempt must not take it for its own.
    workspace = lab.open()
    assert "job id" not in str(workspace.settings(("s", "a")))
    workspace.journal.close()


@pytest.mark.parametrize(
    ("answer", "job"),
    [
        (None, None), (True, None), ("", None), ("no", None), (b" 12\n", 12), (" 7 ", 7),
        ((), None), ((None, 3), None), (3.5, None),
    ],
)  # fmt: skip
def test_what_is_no_job_is_not_taken_for_one(answer: Any, job: int | None) -> None:
    assert job_id_in(answer) == job


def test_a_pipeline_that_submits_nothing_makes_its_analysis_stuck(lab: Any, simple: Any) -> None:
    lab.register("idle", type("P", (simple,), {"submit_dag": lambda self: None}))
    lab.apply("a, pipeline: idle", "b")
    ran = lab.run("manage", "build", "submit", code=1)
    assert "idle.submit_dag did not return the job it submitted" in ran.out
    assert lab.states() == {"a": "stuck", "b": "running"}
    (attempt,) = lab.attempts("a")
    assert attempt.state == "void"


@pytest.mark.parametrize("error", [SystemExit(1), RuntimeError("late")])
def test_a_job_that_was_submitted_before_the_pipeline_raised_is_kept(
    lab: Any, simple: Any, error: BaseException
) -> None:
    def submit_dag(self: Any) -> None:
        self._submit_dag_file()
        raise error

    lab.register("late", type("P", (simple,), {"submit_dag": submit_dag}))
    lab.apply("a, pipeline: late")
    ran = lab.run("manage", "build", "submit")
    assert f"late.submit_dag raised {type(error).__name__}" in ran.out
    assert lab.states() == {"a": "running"}
    assert len(lab.jobs()) == 1
    lab.finish()
    assert lab.states() == {"a": "uploaded"}


@pytest.mark.parametrize("again", ["before_submit", "build_dag"])
def test_before_submit_is_called_once_in_a_submission(lab: Any, simple: Any, again: str) -> None:
    calls = []

    def submit_dag(self: Any) -> Any:
        getattr(self, again)()
        return self._submit_dag_file()

    def before_submit(self: Any, dryrun: bool = False) -> None:
        calls.append(self.production.name)

    methods = {"submit_dag": submit_dag, "before_submit": before_submit}
    lab.register("twice", type("P", (simple,), methods))
    lab.apply("a, pipeline: twice", "b, pipeline: twice")
    lab.run("manage", "build", "submit")
    assert calls == ["a", "b"]


def test_the_job_of_a_submission_carries_the_attempt_and_its_nodes_too(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build", "submit")
    (attempt,) = lab.attempts("a")
    assert lab.jobs() == [(attempt.job_id, attempt.uid)]
    assert (attempt.state, attempt.stage, attempt.number) == ("submitted", "run", 1)
    lab.until("a")
    assert attempt.uid in (lab.rundir("a") / "node.log").read_text()


def test_logs_are_recorded_relative_to_the_project(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build", "submit")
    logs = [Path(log) for log in lab.attempts("a")[0].logs.splitlines()]
    assert logs
    assert not any(log.is_absolute() for log in logs)


def test_one_that_has_been_submitted_is_not_submitted_again(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build", "submit")
    ran = lab.run("manage", "submit")
    assert "nothing to submit" in ran.out
    assert len(lab.jobs()) == 1


def test_a_dry_run_holds_for_the_whole_chain_of_commands(lab: Any, everything: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    before, files = lab.dump(), everything(lab.root)
    ran = lab.run("manage", "build", "submit", "--dry-run")
    assert "would be built" in ran.out
    assert lab.dump() == before
    assert everything(lab.root) == files


def test_the_subject_holds_for_the_whole_chain_of_commands(lab: Any) -> None:
    lab.apply("a")
    path = lab.root / "t.yaml"
    path.write_text(
        "{kind: subject, name: t, analyses: [{name: b, pipeline: simpletestpipeline}]}\n"
    )
    lab.run("apply", "-f", path)
    lab.run("manage", "build")
    lab.run("manage", "build", "--event", "t", "submit")
    assert lab.states() == {"a": "ready", "b": "running"}
    ran = lab.run("manage", "build", "--event", "s", "submit", "--event", "t", code=2)
    assert "--subject has two values: s and t" in ran.err


def test_a_configuration_that_was_edited_by_hand_is_committed_when_it_is_submitted(
    lab: Any,
) -> None:
    lab.apply("a")
    lab.run("manage", "build")
    config = lab.root / "checkouts" / "s" / "analyses" / "a.ini"
    config.write_text(config.read_text() + "edited = yes\n")
    lab.run("manage", "submit")
    repository = git.Repo(lab.root / "checkouts")
    assert not repository.is_dirty()
    assert repository.head.commit.message.strip() == "Edited by hand: s/a"
    repository.close()
    assert "edited by hand, and is committed as" in lab.run("log", "s", "a").out


def test_a_program_that_submits_is_given_time_after_a_crash(
    lab: Any, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.register("own", type("P", (simple,), {"submit_dag": lambda self: self._submit_dag_file()}))
    lab.apply("a, pipeline: own")
    lab.run("manage", "build")
    workspace = lab.open()
    workspace.journal.intend(("s", "a"), "cut-short", "run", "local")  # as a crash leaves it
    assert "may still be submitting" in lab.run("manage", "submit").out
    assert lab.states() == {"a": "ready"}
    monkeypatch.setattr(attempts, "SUBMITTING", 0)
    assert "the interrupted attempt made no job" in lab.run("monitor").out


def test_the_simplest_dag_names_a_submit_file_beside_it(lab: Any) -> None:
    class Simplest(Pipeline):
        """Writes a DAG and its submit file into the run directory, and leaves the rest as it is."""

        name = "simplest"
        config_template = SimpleTestPipeline.config_template

        def build_dag(self, dryrun: bool = False) -> None:
            rundir = Path(self.production.rundir)
            rundir.mkdir(parents=True, exist_ok=True)
            self.dag_file.write_text("JOB A n.sub\n")
            (rundir / "n.sub").write_text(
                "executable = /bin/echo\narguments = hello\noutput = n.out\nlog = n.log\nqueue\n"
            )

        def detect_completion(self) -> bool:
            return Path(self.production.rundir, "n.out").read_text() == "hello\n"

    lab.register("simplest", Simplest)
    lab.apply("a, pipeline: simplest")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
