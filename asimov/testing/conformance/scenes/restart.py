"""Scene: remove the job, clear the run directory, and submit again."""

from __future__ import annotations

import time
import uuid

from asimov.errors import AsimovError
from asimov.scheduler import Gone, Present, Tag
from asimov.scheduler.jobs import JobDescription
from asimov.system.environment import set_directory
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_project import SceneProject, scene_project
from asimov.testing.conformance.scene_task import Task

#: Seconds that a job may take to leave the queue after its removal.
_LEAVES = {"local": 5.0}


def run(task: Task, findings: Findings) -> None:
    """Submit the analysis, restart it, and submit it again."""
    with scene_project(task, findings) as here:
        here.prepare()
        if task.scheduler == "local":
            _block(here)
        here.build()
        here.submit()
        answer = here.observe()
        if not isinstance(answer, Present):
            raise AsimovError(f"its job finished before it could be removed ({answer})")
        _eject(here)
        _clean(here)
        _again(here)


def _block(here: SceneProject) -> None:
    """Occupy all processors, so that the job of the analysis stays in the queue."""
    workspace = here.project.workspace
    tag = Tag(workspace.project.id, "asimov/blocker", uuid.uuid4().hex)
    every = workspace.project.config.getint("local", "processes")
    sleep = JobDescription("/bin/sleep", arguments="3600", request_cpus=every)
    scheduler = workspace.scheduler()
    with scheduler.tagged(tag), set_directory(here.project.root):
        scheduler.submit(sleep)


def _eject(here: SceneProject) -> None:
    findings = here.findings
    here.project.set_state(*here.key, "restart")
    end = time.monotonic() + _LEAVES.get(here.task.scheduler, 120.0)
    with findings.judging("ejects"):
        while True:
            here.project.monitor()
            answer = here.observe()
            if not isinstance(answer, Present) or time.monotonic() > end:
                break
            if here.project.workspace.status(here.key) == "stuck":
                raise AsimovError(here.project.reason(*here.key))
            time.sleep(here.pause)
        if isinstance(answer, Gone) and not answer.removed and answer.exit_code == 0:
            findings.unknown("ejects", "its job ended by itself before it could be removed")
            return
        there = (
            f"job {answer.job_id} is still {answer.state.value}"
            if isinstance(answer, Present)
            else ""
        )
        findings.judge("ejects", not there, there)
    if isinstance(answer := here.observe(), Present):  # the rest of the scene needs it gone
        here.scheduler().remove(answer.job_id, "removed by asimov plugins check")
        here.until(lambda seen: not isinstance(seen, Present), 30)
        if here.status == "stuck":
            here.project.set_state(*here.key, "restart")


def _clean(here: SceneProject) -> None:
    with here.findings.judging("cleans"):
        for _ in range(3):
            here.project.monitor()
            if here.status != "restart":
                break
        if here.status != "ready":
            raise AsimovError(f"it is {here.status}: {here.project.reason(*here.key)}")
        there = here.rundir.exists()
        here.findings.judge(
            "cleans", not there, f"after clean, the run directory {here.rundir} still exists"
        )


def _again(here: SceneProject) -> None:
    with here.findings.judging("restarts"):
        if here.status != "ready":
            here.findings.unknown("restarts", f"it is {here.status} after 'restart'")
            return
        here.build()
        here.submit()
        here.findings.holds("restarts")
