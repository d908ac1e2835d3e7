"""Submit many analyses in few journal writes: intents in one write, outcomes in another.

A write that survives a crash of the machine takes about as long as a submission. So the intents of
many analyses are written together, then each is submitted, and the outcomes are written together:
at most half a second after they are known, and before anything is reported. Whenever a crash comes,
an intent without a recorded outcome is resolved by its tag (see
`asimov.engine.attempts.resolve_intents`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from asimov.discovery.entrypoints import PluginError
from asimov.engine.attempts import (
    ask,
    disown,
    found,
    give_up,
    intend,
    perform,
    record_job,
    seed_of,
    submits_by_program,
)
from asimov.engine.build import Result
from asimov.engine.diagnosis import refusals
from asimov.engine.provenance.gather import Gatherer
from asimov.engine.refresh import record_inputs
from asimov.engine.results.inputs import DamagedInputError
from asimov.engine.reuse.takeover import Match, Takeovers, why
from asimov.engine.run_directories import put_aside
from asimov.engine.staleness.fingerprints import Fingerprints
from asimov.errors import AsimovError, FatalError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.journal.leases import LeaseLostError
from asimov.journal.records import Attempt
from asimov.plugins.methods import MethodError, call_method, guarded, overrides
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.scheduler import Observation

#: The most intents in one write.
MOST = 100
#: How long a known outcome may wait to be recorded, in seconds.
SOON = 0.5
#: After a submission that took longer, in seconds, outcomes are recorded at once.
SLOW = 0.1

#: States by which a pipeline says while it submits that nothing is left to run.
_DONE = {"complete", "finished", "uploaded"}


class _Made(NamedTuple):
    """A submission by the pipeline's own account, and whether everything is complete already."""

    analysis: Analysis
    attempt: Attempt
    job_id: int | None
    error: AsimovError | None
    complete: bool
    reused: Match | None


class Batch:
    """Submits analyses as they are added.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lease.
    report
        Takes a line for each analysis once its outcome is recorded.
    result
        Takes what was done and what failed.
    """

    def __init__(self, workspace: Workspace, report: Callable[[str], None], result: Result) -> None:
        self._workspace = workspace
        self._report = report
        self._result = result
        self._gatherer = Gatherer(workspace)
        self._fingerprints = Fingerprints(workspace)
        self._takeovers = Takeovers(workspace)
        self._chosen: list[tuple[Analysis, int | None]] = []
        self._made: list[_Made] = []

    def add(self, analysis: Analysis) -> None:
        """Submit an analysis, now or together with the next ones."""
        seed = seed_of(analysis)
        # After a crash, a program that submits is waited for from the time of its intent.
        alone = submits_by_program(self._workspace, analysis.key)
        if alone:
            self.finish()
        self._chosen.append((analysis, seed))
        if alone or len(self._chosen) >= MOST:
            self.finish()

    def finish(self) -> None:
        """Submit and record all analyses that were added."""
        chosen, self._chosen = self._chosen, []
        if not chosen:
            return
        with self._workspace.journal.durably():
            left = [(each, intend(each, "run", seed)) for each, seed in chosen][::-1]
        try:
            while left:
                self._launch(*left.pop())
        except LeaseLostError:
            disown(self._workspace, [made.attempt for made in self._made])
            raise
        except FatalError:
            raise
        except BaseException:  # such as an interrupt: record what is known
            self._workspace.catch_up()  # it may have come during that write
            self._record()
            with self._workspace.journal.transaction():
                for _, attempt in left:
                    give_up(self._workspace, attempt, "interrupted before it was submitted")
            raise
        self._record()

    def _launch(self, analysis: Analysis, attempt: Attempt) -> None:
        begun = time.monotonic()
        _, job_id, asked, error = perform(
            analysis, attempt, partial(self._call_pipeline, analysis, attempt)
        )
        if not self._made:
            self._since = begun
        complete = False
        if asked in _DONE:
            job_id = None  # ignore any number it gives: look for its jobs by their tag
            if error is None:
                complete, error = _is_complete(analysis)
        reused = self._takeovers.taken(attempt.uid)
        self._made.append(_Made(analysis, attempt, job_id, error, complete, reused))
        now = time.monotonic()
        if now - begun > SLOW or now - self._since > SOON:
            self._record()

    def _call_pipeline(self, analysis: Analysis, attempt: Attempt) -> Any:
        """Have a pipeline submit, unless the products are there; return what it says of the job."""
        put_aside(analysis)
        for method in ("before_build", "build_dag", "before_submit"):
            # The base class's methods do nothing, and calling a pipeline has a cost.
            if method == "build_dag" or overrides(analysis.entry.pipeline, method):
                call_method(analysis, method, dryrun=False)
        record_inputs(analysis)
        if self._takeovers.take_over(analysis, self._gatherer.gather(analysis, attempt)):
            return None
        # Packages that call before_submit from their submit_dag must not run it a second time.
        pipeline = analysis.pipeline
        pipeline.before_submit = lambda *args, **kwargs: None
        try:
            # The methods above may have taken longer than the lease lasts.
            self._workspace.journal.check_fence()
            return call_method(analysis, "submit_dag", dryrun=False)
        finally:
            del pipeline.before_submit

    def _record(self) -> None:
        if not self._made:
            return
        unsure = [
            made.attempt for made in self._made if made.job_id is None and made.reused is None
        ]
        answers = ask(self._workspace, unsure) if unsure else {}
        lines: list[str] = []
        recorded: dict[str, Attempt] = {}
        with self._workspace.journal.durably():
            for made in self._made:
                key = made.analysis.key
                try:
                    line = self._take(made, answers)
                    recorded[made.attempt.uid] = made.attempt
                    self._result.done.append(key)
                except AsimovError as error:
                    self._result.failed[key] = error
                    record_failure(self._workspace, key, error)
                    line = error.with_hint
                lines.append(f"{key}: {line}")
            for uid, found in self._gatherer.keep(recorded).items():
                attempt = recorded[uid]
                self._fingerprints.take(attempt.key, uid, found, attempt.intended)
            self._fingerprints.keep()
        self._made = []
        for line in lines:
            self._report(line)

    def _take(self, made: _Made, answers: dict[str, Observation]) -> str:
        """Record one submission; return a line about it."""
        job_id, error = made.job_id, made.error
        if made.reused is not None:
            line = why(made.reused)
            self._workspace.journal.reused(made.attempt.uid, line)
            self._workspace.move(made.analysis.key, "finished", "submit", line)
            return line
        if job_id is None:
            job_id = found(self._workspace, made.attempt, answers[made.attempt.uid])
        if job_id is None:
            if isinstance(error, (PluginError, SchedulerUnreachableError)):
                raise error  # not the analysis's fault: it stays ready
            if error and _is_refused(self._workspace, made.analysis.key, error):
                raise error
            if made.complete:
                line = "its pipeline made everything without a job"
                self._workspace.move(made.analysis.key, "finished", "submit", line)
                return line
            reason = error or AsimovError(
                f"{made.analysis.entry.pipeline}.submit_dag did not return the job it "
                "submitted, and no job carries this attempt's tag"
            )
            self._workspace.move(made.analysis.key, "stuck", "submit", str(reason))
            raise reason
        line = f"submitted as job {job_id}"
        if error:
            line += f", although {error}"
        record_job(self._workspace, made.attempt, job_id, "running", "submit", line)
        return line


def _is_complete(analysis: Analysis) -> tuple[bool, AsimovError | None]:
    """Ask a pipeline that has submitted nothing whether its analysis is complete."""
    try:
        found = call_method(analysis, "detect_completion")
        with guarded(analysis, "detect_completion"):
            return bool(found), None  # raises for an array
    except AsimovError as error:
        return False, error


def record_failure(workspace: Workspace, key: Key, error: AsimovError) -> None:
    """Record why an analysis was not submitted, unless that is recorded already."""
    if refusals.give_up(workspace, key, error):
        return
    if _is_refused(workspace, key, error):
        workspace.forget_build(key)
        workspace.journal.observed([(key, None, f"can't be submitted: {error.with_hint}", None)])
    elif isinstance(error, MethodError) and workspace.status(key) == "ready":
        workspace.move(key, "stuck", "submit", str(error))
    elif isinstance(error, DamagedInputError):
        workspace.journal.observed([(key, None, f"can't be submitted: {error.with_hint}", None)])
    elif isinstance(error, SchedulerUnreachableError):
        workspace.journal.observed([(key, None, f"can't be submitted: {error}", None)])


def _is_refused(workspace: Workspace, key: Key, error: AsimovError | None) -> bool:
    """Return whether it is a mistake that the next build looks for again, at little cost."""
    mistake = isinstance(error, MethodError) and error.mistake
    return mistake and overrides(workspace.contents.entries[key].pipeline, "check_jobs")
