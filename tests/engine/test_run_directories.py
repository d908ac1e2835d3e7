"""What a build has left that made no job does not get into the next submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.pipelines.testing import SimpleTestPipeline

from tests.lab import Lab


class Particular(SimpleTestPipeline):
    """Builds beside a run directory that is there already, as bilby_pipe does."""

    def build_dag(self, dryrun: bool = False) -> None:
        own = Path(self.production.rundir)
        if own.exists():
            own.with_name(f"{own.name}_A").mkdir()
        else:
            super().build_dag(dryrun)

    def submit_dag(self, dryrun: bool = False) -> Any:
        if self.production.meta.get("fails"):
            raise RuntimeError("the submission fails")
        return super().submit_dag(dryrun)


def try_in_vain(lab: Lab) -> None:
    lab.register("particular", Particular)
    lab.apply("a, pipeline: particular, fails: true, exit code: 0")
    lab.run("manage", "build", "submit", code=1)
    assert lab.rundir("a").is_dir()
    lab.run("production", "set", "s", "a", "--status", "ready")


def test_what_was_built_in_vain_is_moved_aside(lab: Lab) -> None:
    try_in_vain(lab)
    (lab.rundir("a") / "mine.txt").write_text("kept")
    lab.apply("a, pipeline: particular, fails: false, exit code: 0, seconds: 0.25", update=True)
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert "sleep 0.25" in (lab.rundir("a") / "node.sh").read_text()
    assert not lab.rundir("a_A").exists()
    aside = lab.rundir("a.unsubmitted")
    assert (aside / "mine.txt").read_text() == "kept"
    assert "sleep 0.0" in (aside / "node.sh").read_text()


def test_of_several_in_vain_the_last_is_kept(lab: Lab) -> None:
    try_in_vain(lab)
    for _ in range(2):
        lab.run("manage", "submit", code=1)
        lab.run("production", "set", "s", "a", "--status", "ready")
    names = {path.name for path in lab.rundir("a").parent.iterdir()}
    assert names == {"a", "a.unsubmitted"}


def test_what_was_not_built_is_never_removed(lab: Lab) -> None:
    try_in_vain(lab)
    (lab.rundir("a") / "mine.txt").write_text("kept")
    for _ in range(3):
        lab.run("manage", "submit", code=1)
        lab.run("production", "set", "s", "a", "--status", "ready")
    names = {path.name for path in lab.rundir("a").parent.iterdir()}
    assert names == {"a", "a.unsubmitted", "a.superseded-1"}
    assert (lab.rundir("a.superseded-1") / "mine.txt").read_text() == "kept"


def test_what_was_complete_without_a_job_is_kept_each_time(lab: Lab) -> None:
    class Made(SimpleTestPipeline):
        def build_dag(self, dryrun: bool = False) -> None:
            self.result.parent.mkdir(parents=True)
            self.result.write_text(str(self.production.meta["text"]))

        def submit_dag(self, dryrun: bool = False) -> None:
            self.production.status = "finished"

        def after_processing(self) -> None:
            raise RuntimeError("not stored")

    lab.register("made", Made)
    for number in range(4):
        lab.apply(f"a, pipeline: made, text: run {number}", update=True)
        lab.finish(code=3)
        lab.run("production", "set", "s", "a", "--status", "ready")
    found = {path.read_text() for path in (lab.root / "working").rglob("result.txt")}
    assert found == {f"run {number}" for number in range(4)}


def test_what_a_job_has_written_stays(lab: Lab) -> None:
    lab.register("particular", SimpleTestPipeline)
    lab.apply("a, pipeline: particular, exit code: 1")
    lab.finish(code=3)
    (lab.rundir("a") / "checkpoint").touch()
    lab.run("production", "set", "s", "a", "--status", "ready")
    lab.finish(code=3)
    assert (lab.rundir("a") / "checkpoint").exists()
    assert not lab.rundir("a.unsubmitted").exists()


def test_what_was_there_before_the_first_attempt_stays(lab: Lab) -> None:
    lab.apply("a")
    lab.rundir("a").mkdir(parents=True)
    (lab.rundir("a") / "given.txt").touch()
    lab.finish()
    assert (lab.rundir("a") / "given.txt").exists()


def test_after_a_restart_it_counts_anew(lab: Lab) -> None:
    lab.register("particular", Particular)
    lab.apply("a, pipeline: particular")
    lab.finish()
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")
    lab.apply("a, pipeline: particular, fails: true", update=True)
    lab.run("manage", "build", "submit", code=1)
    lab.run("production", "set", "s", "a", "--status", "ready")
    lab.apply("a, pipeline: particular, fails: false", update=True)
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert not lab.rundir("a_A").exists()
