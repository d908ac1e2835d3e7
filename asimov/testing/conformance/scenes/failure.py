"""Scene: let the job fail repeatedly, on a scheduler that only records."""

from __future__ import annotations

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.pipeline.base import MAX_RESURRECTIONS
from asimov.testing.clock import Clock
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_project import SceneProject, scene_project
from asimov.testing.conformance.scene_task import BY_OBJECT, BY_PROGRAM, Task
from asimov.testing.recording import RecordingScheduler, Submission
from asimov.testing.temporary_entry_points import SchedulerPlugin, entry_points

#: The limit of resubmissions that the scene sets, unless the pipeline has its own.
_MOST = 2
_BY_PROGRAM = "it submits with a program, not through the object `self.scheduler`"
#: A higher limit is not tested.
_PATIENCE = 20


def run(task: Task, findings: Findings) -> None:
    """Let the job fail until it is no longer submitted."""
    if task.submits == BY_PROGRAM:
        raise AsimovError(_BY_PROGRAM)
    if task.submits != BY_OBJECT:
        raise AsimovError(
            "the pipeline submitted no job earlier in this check, so no job can be made to fail",
            hint="the lines above about other contracts say why",
        )
    recording = RecordingScheduler()
    point = {entrypoints.SCHEDULERS: {recording.name: SchedulerPlugin(recording)}}
    with scene_project(task, findings, {"max resurrections": _MOST}) as here:
        here.prepare()
        clock = Clock()
        with entry_points(point), clock.in_control():
            here.project.configure({"scheduler/type": recording.name})
            here.build()
            here.submit()
            if not recording.submissions:
                raise AsimovError(_BY_PROGRAM)
            with findings.judging("resurrects-bounded"):
                _fail(here, recording, clock)
            here.project.configure({"scheduler/type": task.scheduler})


def _fail(here: SceneProject, recording: RecordingScheduler, clock: Clock) -> None:
    findings = here.findings
    most = here.analysis.meta.get("max resurrections", MAX_RESURRECTIONS)
    if not isinstance(most, int) or most > _PATIENCE:
        findings.unknown("resurrects-bounded", f"its settings allow {most!r} resurrections")
        return
    for number in range(1, most + 3):
        there = len(recording.submissions)
        _end_badly(recording.submissions[-1], number, recording)
        clock.advance(1e7)  # longer than any pause
        here.project.monitor()
        new = len(recording.submissions) - there
        if new > 1:
            findings.fails("resurrects-bounded", f"{new} jobs were submitted after one failure")
            return
        status = here.project.workspace.status(here.key)
        if status in {"finished", "uploaded", "processing"}:
            findings.unknown(
                "resurrects-bounded", f"it is {status} although nothing has run: it can't fail"
            )
            return
        if new == 0:
            break
    done = len(recording.submissions) - 1
    findings.judge(
        "resurrects-bounded",
        done <= most,
        f"it was submitted again {done} times, and its settings allow {most}",
    )


def _end_badly(last: Submission, number: int, recording: RecordingScheduler) -> None:
    recording.ended(last.job_id, 1)
    if last.kind == "dag" and last.file is not None:
        # DAGMan leaves this file behind when a node fails.
        last.file.with_name(f"{last.file.name}.rescue{number:03}").write_text("# no node is done\n")
