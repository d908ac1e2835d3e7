"""``asimov plugins check`` with the jobs on a pool, and the tests of plugin authors there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.testing import ScratchProject, entry_points
from asimov.testing.conformance.contracts import CONTRACTS

pytestmark = [pytest.mark.htcondor, pytest.mark.usefixtures("pool")]


@pytest.mark.long
def test_a_pipeline_is_checked_on_a_pool(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "check", "simpletestpipeline", "--scheduler", "htcondor")
    assert ran.code == 0, ran
    assert f"simpletestpipeline: {len(CONTRACTS)} hold\n" in ran.out


class ByProgram(SimpleTestPipeline):
    """Submits as older packages do."""

    name = "byprogram"

    def submit_dag(self, dryrun: bool = False) -> Any:
        if dryrun:
            return None
        done = subprocess.run(
            ["condor_submit_dag", "-force", str(self.dag_file)],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split("submitted to cluster ")[1].split(".")[0])


def test_a_program_that_submits_is_told_from_the_object(tmp_path: Path) -> None:
    from asimov.testing.conformance.scene_process import run
    from asimov.testing.conformance.scene_task import BY_PROGRAM, Task

    with entry_points({"asimov.pipelines": {"byprogram": ByProgram}}):
        for scene in ("life", "failure"):
            task = Task(
                scene=scene,
                pipeline="byprogram",
                folder=str(tmp_path / scene),
                findings=str(tmp_path / f"{scene}.jsonl"),
                scheduler="htcondor",
                submits=BY_PROGRAM,
            )
            findings = run(task)
            told = {each.holds for each in findings.made.values()}
            assert told == ({True} if scene == "life" else {None}), findings.made
            assert findings.notes == ({BY_PROGRAM} if scene == "life" else set())


def test_jobs_of_a_scratch_project_are_gone_with_it(tmp_path: Path) -> None:
    with ScratchProject(tmp_path / "scratch", "htcondor") as project:
        project.add_subject("s", {"seconds": 600})
        project.add_analysis("s", "a", "simpletestpipeline")
        project.monitor(chain=True)
        assert project.status() == {"s/a": "running"}
        scheduler = project.workspace.scheduler()
        number = project.workspace.project.id
    left = subprocess.run(
        [
            "condor_q",
            "-constraint",
            f'AsimovProject == "{number}"',
            "-af",
            "ClusterId",
            "JobStatus",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not [line for line in left.stdout.splitlines() if line.split()[1] in {"1", "2"}]
    assert scheduler.queued() in {0, None}
