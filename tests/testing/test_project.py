"""Scratch projects: what their methods do is what the commands do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import EXIT_BUSY, AsimovError
from asimov.logs import logger
from asimov.testing import ScratchProject
from asimov.testing.console import run


def test_an_analysis_is_driven_to_its_end(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s", {"colour": "red"})
        project.add_analysis("s", "a", "simpletestpipeline")
        project.add_analysis("s", "b", "simpletestpipeline", {"needs": ["a"]})
        assert project.status() == {"s/a": "ready", "s/b": "ready"}
        assert "needs s/a" in " ".join(project.why("s", "b").because) or project.why("s", "b").moves
        assert project.analysis("s", "a").meta["colour"] == "red"
        assert project.build().done == [("s", "a")]
        assert project.config("s", "a").exists()
        assert project.submit().done == [("s", "a")]
        outcome = project.run_until_idle()
        assert outcome.all_done
        assert project.status() == {"s/a": "uploaded", "s/b": "uploaded"}
        assert (project.rundir("s", "b") / "result.txt").read_text() == "s/b\ns/a\n"
        assert set(project.results("s", "b")) == {"asimov-provenance.json", "result.txt"}
        assert any("s/b: finished -> uploaded" in line for line in project.lines)


def test_nothing_of_the_users_own_is_seen_and_all_is_put_back(tmp_path: Path) -> None:
    before = dict(os.environ), logger().handlers[:], Path.cwd()
    with ScratchProject() as project:
        root = project.root
        assert Path(os.environ["HOME"]).is_relative_to(root.parent)
        assert not list(Path(os.environ["HOME"]).iterdir())
        project.add_subject("s")
        assert root.exists()
    assert (dict(os.environ), logger().handlers[:], Path.cwd()) == before
    assert not root.parent.exists()


def test_a_folder_that_was_given_stays(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "mine") as project:
        project.add_subject("s")
    assert (tmp_path / "mine" / "project" / "ledger" / "subjects" / "s.yaml").exists()


def test_jobs_that_are_left_are_removed(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s")
        project.add_analysis("s", "a", "simpletestpipeline", {"seconds": 600})
        project.monitor(chain=True)
        assert project.status() == {"s/a": "running"}
        scheduler = project.workspace.scheduler()
        (job,) = scheduler.jobs_of_project() or []
    from asimov.scheduler import Gone, Ticket

    answer = scheduler.observe([Ticket(job.tag.uid, job.job_id, 0.0)])[job.tag.uid]
    assert isinstance(answer, Gone)
    assert answer.removed


def test_dry_runs_say_what_would_be_done(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s")
        project.add_analysis("s", "a", "simpletestpipeline")
        assert project.build(dry_run=True).done == [("s", "a")]
        assert not project.config("s", "a").exists()
        assert project.monitor(chain=True, dry_run=True).counts == {"ready": 1}
        assert any("would be built and submitted" in line for line in project.lines)


def test_blueprints_are_text_files_and_mappings(tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("{kind: analysis, name: c, event: s, pipeline: simpletestpipeline}\n")
    with ScratchProject(tmp_path / "scratch", configuration={"monitor/max active": 1}) as project:
        project.apply(
            "{kind: subject, name: s}\n---\n"
            "{kind: analysis, name: a, event: s, pipeline: simpletestpipeline}",
            {"kind": "analysis", "name": "b", "subject": "s", "pipeline": "simpletestpipeline"},
            file,
        )
        assert list(project.status()) == ["s/a", "s/b", "s/c"]
        assert project.workspace.project.config.get("monitor", "max active") == "1"


def test_what_a_command_refuses_is_raised(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        with pytest.raises(AsimovError, match="no pipeline 'simpletestpipelin'; did you mean"):
            project.apply(
                "{kind: subject, name: s}\n---\n"
                "{kind: analysis, name: a, event: s, pipeline: simpletestpipelin}"
            )
        assert project.status() == {}
        project.add_subject("s")
        with pytest.raises(AsimovError, match="s has no analysis 'a'"):
            project.set_state("s", "a", "stop")


def test_any_other_command_runs_in_the_console(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s")
        project.add_analysis("s", "a", "simpletestpipeline")
        assert run(project, "production", "set", "s", "a", "--status", "wait") == (
            "s/a: ready -> wait\n"
        )
        assert project.lines[-1] == "s/a: ready -> wait"
        assert project.status() == {"s/a": "wait"}
        with pytest.raises(AsimovError, match="s has no analysis 'b'"):
            run(project, "production", "set", "s", "b", "--status", "stop")
        project.add_analysis("s", "c", "command")  # has no executable
        with pytest.raises(AsimovError, match="asimov manage build ended with exit code 1"):
            run(project, "manage", "build")


def test_one_that_does_not_come_to_rest_is_told(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s")
        project.add_analysis("s", "a", "simpletestpipeline", {"seconds": 600})
        with pytest.raises(AsimovError, match="not idle after"):
            project.run_until_idle(timeout=0)


def test_another_command_may_look_and_not_act_meanwhile(
    tmp_path: Path, asimov: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.engine.lease import at_work

    with ScratchProject(tmp_path / "scratch") as project:
        project.add_subject("s")
        monkeypatch.chdir(project.root)
        with at_work(project.workspace, "the test"):
            assert asimov("monitor").code == EXIT_BUSY
            assert asimov("status").code == 0
