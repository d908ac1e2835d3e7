"""Facts: what pipelines write is kept where it belongs, and nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline


def test_what_one_pipeline_writes_to_the_subject_reaches_an_analysis_that_was_looked_at_before(
    lab: Any,
) -> None:
    def before_config(self: Any) -> None:
        if self.production.name == "a":
            assert {each.meta["level"] for each in self.production.event.analyses} == {1, 2}
            self.production.event.meta.update(told="by a", level=3)

    (lab.root / "t.ini").write_text("told = {{ meta.told }}, level = {{ meta.level }}\n")
    lab.register("telling", type("P", (SimpleTestPipeline,), {"before_config": before_config}))
    lab.apply(
        "a, pipeline: telling, template: t.ini, level: 1",
        "b, pipeline: telling, template: t.ini, level: 2",
    )
    lab.run("manage", "build")
    assert lab.config("b").read_text() == "told = by a, level = 2\n"
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}


def test_a_dry_run_keeps_nothing_that_a_pipeline_writes(lab: Any) -> None:
    def writing(name: str) -> Any:
        def method(self: Any, *arguments: Any, **named: Any) -> Any:
            answer = getattr(SimpleTestPipeline, name)(self, *arguments, **named)
            self.production.meta[name] = self.production.event.meta[name] = "written"
            self.production.job_id = 77
            return answer

        return method

    names = [
        "__init__", "before_config", "before_build", "build_dag", "before_submit", "submit_dag",
        "detect_completion", "missing_outputs", "collect_logs", "resurrect", "while_running",
    ]  # fmt: skip
    writer = type("P", (SimpleTestPipeline,), {name: writing(name) for name in names})
    lab.register("writing", SimpleTestPipeline)
    lab.apply("a, pipeline: writing, exit code: 1", "b, pipeline: writing")
    lab.run("manage", "build", "submit", "--event", "s")
    lab.apply("c, pipeline: writing")
    lab.run("manage", "build")
    lab.until("a")
    lab.until("b")
    lab.register("writing", writer)
    before = lab.dump()
    lab.run("manage", "build", "--dry-run")
    lab.run("manage", "submit", "--dry-run")
    lab.run("monitor", "--dry-run", "--chain")
    assert lab.dump() == before


def test_settings_of_one_analysis_are_not_another_s(lab: Any) -> None:
    def before_config(self: Any) -> None:
        self.production.meta["shared"]["list"].append(self.production.name)

    lab.register("own", type("P", (SimpleTestPipeline,), {"before_config": before_config}))
    (lab.root / "project.yaml").write_text("{kind: configuration, shared: {list: []}}\n")
    lab.run("apply", "-f", "project.yaml")
    lab.apply("a, pipeline: own", "b, pipeline: own")
    lab.run("manage", "build")
    workspace = lab.open()
    workspace.journal.close()
    assert workspace.settings(("s", "a"))["shared"] == {"list": ["a"]}
    assert workspace.settings(("s", "b"))["shared"] == {"list": ["b"]}
    assert workspace.subject_settings("s")["shared"] == {"list": []}


@pytest.mark.parametrize("form", ["path", "relative", "url"])
def test_a_subject_with_a_repository_of_its_own_runs_to_its_end(
    lab: Any, tmp_path: Path, form: str
) -> None:
    own = tmp_path / "own"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", "init", "-q", str(own)], check=True)
    subprocess.run([*git, "-C", str(own), "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    named = {"path": str(own), "relative": "../own", "url": f"file://{own}"}[form]
    (lab.root / "t.yaml").write_text(
        f"{{kind: subject, name: t, repository: '{named}'}}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline}\n"
    )
    lab.run("apply", "-f", "t.yaml")
    lab.finish()
    assert lab.states() == {"b": "uploaded"}
    place = lab.root / "checkouts-own" / "t" if form == "url" else own
    log = subprocess.run(
        ["git", "-C", str(place), "log", "--format=%s", "--", "analyses/b.ini"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "Build" in log


def test_a_new_run_may_be_resurrected_as_often_as_the_first(lab: Any) -> None:
    lab.apply("a, exit code: 1, max resurrections: 1")
    lab.finish(code=3)
    assert len(lab.jobs()) == 2
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish(code=3)
    assert len(lab.jobs()) == 4
