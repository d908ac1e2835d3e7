"""The scratch project of a scene (test run), with an analysis of the pipeline under test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asimov.engine.attempts import ticket
from asimov.engine.lease import at_work
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.plugins.methods import call_method, guarded
from asimov.project.analysis import Analysis
from asimov.scheduler import Gone, Observation, Scheduler
from asimov.system.environment import set_directory
from asimov.testing.conformance import minimal_blueprint, snapshots
from asimov.testing.conformance.diagnosis import on_hold
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_task import Task
from asimov.testing.conformance.spy import Watch, watching
from asimov.testing.project import ScratchProject

#: Seconds between two queries of a scheduler. The local one is not shared.
_PAUSE = {"local": 0.05}


class SceneProject:
    """A scratch project with one analysis of the pipeline, ready to be built.

    Attributes
    ----------
    project
        The project.
    key
        The analysis.
    watch
        Observations of the pipeline's method calls.
    """

    def __init__(
        self,
        task: Task,
        findings: Findings,
        project: ScratchProject,
        watch: Watch,
        defaults: Mapping[str, Any],
    ):
        self.task = task
        self.findings = findings
        self.project = project
        self.watch = watch
        self.pause = _PAUSE.get(task.scheduler, 5.0)
        documents = minimal_blueprint.documents(
            task.pipeline, Path(task.blueprint) if task.blueprint else None
        )
        project.apply({"kind": "configuration", **defaults}, *documents)
        subject, name = minimal_blueprint.driven(task.pipeline, documents)
        self.key = Key(subject or PROJECT_ANALYSES, name)
        if self.key not in project.workspace.contents.entries:
            raise AsimovError(f"the blueprint did not create the analysis {self.key}")

    @property
    def analysis(self) -> Analysis:
        """The analysis, as the last command left it."""
        return self.project.workspace.analysis(self.key)

    @property
    def rundir(self) -> Path:
        """Its run directory."""
        return Path(self.analysis.rundir)

    @property
    def status(self) -> str:
        """Its state."""
        return self.project.reopen().status(self.key)

    def prepare(self) -> None:
        """Run the analyses that the analysis needs.

        Raises
        ------
        AsimovError
            If one of them does not complete.
        """
        end = time.monotonic() + self.task.patience
        while left := self._unfinished():
            self.project.build(*left)
            self.project.submit(*left)
            self.project.monitor()
            stuck = [key for key in left if self.project.workspace.status(key) == "stuck"]
            if stuck or time.monotonic() > end:
                name = str((stuck or left)[0])
                why = self.project.reason(*(stuck or left)[0]) or "it took too long"
                raise AsimovError(f"{name}, which it needs, did not complete: {why}")
            time.sleep(self.pause)

    def _unfinished(self) -> list[Key]:
        workspace = self.project.reopen()
        found: list[Key] = []
        more = [self.key]
        while more:
            needed = workspace.dependencies.of(more.pop()).keys
            new = [key for key in needed if key not in found]
            found += new
            more += new
        return [key for key in found if not workspace.analysis(key).finished]

    def build(self) -> None:
        """Build the analysis.

        Raises
        ------
        AsimovError
            If that fails.
        """
        result = self.project.build(self.key)
        if self.key in result.failed:
            raise result.failed[self.key]
        if self.key in result.waiting:
            raise AsimovError(f"it was not built: {'; '.join(result.waiting[self.key])}")

    def submit(self) -> int:
        """Submit the analysis; return its job.

        Raises
        ------
        AsimovError
            If that fails.
        """
        result = self.project.submit(self.key)
        if self.key in result.failed:
            raise result.failed[self.key]
        record = self.project.workspace.records.get(self.key)
        if self.key not in result.done or record is None or record.job_id is None:
            waits = "; ".join(result.waiting.get(self.key, ["its state is not 'ready'"]))
            raise AsimovError(f"it was not submitted: {waits}")
        return record.job_id

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method as the engine does, holding the project's lease."""
        with at_work(self.project.workspace, "asimov plugins check"):
            return call_method(self.analysis, method, **arguments)

    def call_elsewhere(self, method: str) -> Any:
        """Call a method in a folder other than the project's."""
        analysis, folder = self.analysis, self.project.root.parent / "elsewhere"
        folder.mkdir(exist_ok=True)
        with (
            at_work(self.project.workspace, "asimov plugins check"),
            guarded(analysis, method),
            set_directory(folder),
        ):
            return getattr(analysis.pipeline, method)()

    def scheduler(self) -> Scheduler:
        """Return the project's scheduler."""
        return self.project.workspace.scheduler()

    def observe(self) -> Observation:
        """Return the scheduler's answer about the last job."""
        workspace = self.project.reopen()
        last = workspace.journal.attempts(self.key)[-1]
        return workspace.scheduler().observe([ticket(workspace.project, last)])[last.uid]

    def outcome(self) -> Observation:
        """Return the scheduler's answer when the job is finished, on hold, or out of time."""
        return self.until(lambda seen: isinstance(seen, Gone) or bool(on_hold(seen)))

    def until(
        self, wanted: Callable[[Observation], bool], patience: float | None = None
    ) -> Observation:
        """Return the scheduler's answer when it is as wanted, or when time is up."""
        end = time.monotonic() + (self.task.patience if patience is None else patience)
        while not wanted(answer := self.observe()) and time.monotonic() < end:
            time.sleep(self.pause)
        return answer

    def files(self) -> dict[str, str]:
        """Return a snapshot of the project's files."""
        return snapshots.files(self.project.root)

    def jobs(self) -> dict[int, str | None]:
        """Return the analysis's jobs, and jobs without an owner."""
        return snapshots.jobs(self.project.workspace, self.key)


@contextmanager
def scene_project(
    task: Task,
    findings: Findings,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[SceneProject]:
    """Set up the project of a scene; afterwards judge the contracts that every scene checks.

    Parameters
    ----------
    task
        The task of the scene.
    findings
        Takes the findings.
    defaults
        Default settings for every analysis in the project.
    """
    start = Path(task.folder, "start")
    start.mkdir(parents=True)
    options = {
        "monitor/hook timeout": task.call,
        "local/processes": max(4, os.cpu_count() or 1),
        **task.configuration,
    }
    with (
        set_directory(start),
        ScratchProject(task.folder, task.scheduler, options) as project,
        watching(findings, task.scheduler) as watch,
    ):
        try:
            made = SceneProject(task, findings, project, watch, defaults or {})
            ledger = snapshots.files(project.root / "ledger")
            yield made
            changed = snapshots.difference(ledger, snapshots.files(project.root / "ledger"))
            findings.judge("ledger-untouched", not changed, f"in the ledger, {changed}")
        finally:
            left = snapshots.difference({}, snapshots.files(start))
            findings.judge("any-folder", not left, f"in the folder of the command, {left}")
        findings.holds("folder-kept")
        findings.holds("returns")
