"""Submitting: what was built becomes a job, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from asimov.analysis import Analysis
from asimov.engine.attempts import found, launch, record_job, settle
from asimov.engine.build import content_digest, settings_digest
from asimov.engine.guard import HookError, call, guarded, takes
from asimov.engine.readiness import waiting_for
from asimov.engine.result import Result
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.ledger.database import JournalError
from asimov.ledger.needs import Key
from asimov.plugins import PluginError
from asimov.workspace import Workspace

Report = Callable[[str], None]


def submit(
    workspace: Workspace, keys: Iterable[Key], report: Report, *, dry_run: bool = False
) -> Result:
    """Submit those among some analyses that are ready and built.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lock unless this is a dry run.
    keys
        The analyses.
    report
        Takes a line for each thing done.
    dry_run
        Whether to print what would be done and touch nothing.
    """
    result = Result()
    open_keys = {attempt.key for attempt in workspace.journal.open_attempts()}
    if not dry_run and any(workspace.status(key) == "ready" for key in open_keys):
        settle(workspace, report)
        open_keys = {attempt.key for attempt in workspace.journal.open_attempts()}
    for key in keys:
        if workspace.status(key) != "ready":
            continue
        waits = waiting_for(workspace, key)
        if key in open_keys:
            waits.append("whether it was submitted before is not known yet")
        if waits:
            result.waiting[key] = waits
            continue
        analysis = workspace.analysis(key)
        try:
            with guarded(analysis, "__init__", passing=AsimovError):
                unbuilt = _unbuilt(analysis)
            if dry_run and unbuilt:
                result.waiting[key] = [unbuilt.message]
                continue
            if dry_run:
                _rehearse(analysis, report)
            elif unbuilt:
                raise unbuilt
            else:
                report(f"{key[0]}/{key[1]}: {_submit_one(analysis)}")
            result.done.append(key)
        except JournalError:
            raise
        except AsimovError as error:
            result.failed[key] = error
            report(f"{key[0]}/{key[1]}: {error}" + (f" ({error.hint})" if error.hint else ""))
            if not dry_run:
                _record_failure(workspace, key, error)
    return result


def _record_failure(workspace: Workspace, key: Key, error: AsimovError) -> None:
    if isinstance(error, HookError) and workspace.status(key) == "ready":
        workspace.move(key, "stuck", "submit", str(error))
    elif isinstance(error, SchedulerUnreachableError):
        workspace.journal.observed([(key, None, f"can't be submitted: {error}", None)])


def _unbuilt(analysis: Analysis) -> AsimovError | None:
    """Return an error unless the configuration is there and is that of the present settings."""
    known = analysis.workspace.builds.get(analysis.key)
    if known is None or not Path(analysis.config_file).exists():
        return AsimovError("it has not been built", hint="run 'asimov manage build' first")
    if known.digest != settings_digest(analysis):
        return AsimovError(
            "its settings have changed since it was built", hint="run 'asimov manage build' again"
        )
    return None


def _commit_edit(analysis: Analysis) -> None:
    """Commit a configuration that was edited by hand: what ran can be looked up."""
    workspace = analysis.workspace
    known = workspace.builds[analysis.key]
    path = Path(analysis.config_file)
    if content_digest(path.read_bytes()) == known.content:
        return
    commit = analysis.repository.commit([path], f"Edited by hand: {'/'.join(analysis.key)}")
    if commit:
        reason = f"{known.config} was edited by hand, and is committed as {commit[:9]}"
        workspace.journal.note(analysis.key, "submit", "edited", reason)


def _rehearse(analysis: Analysis, report: Report) -> None:
    """Have the pipeline print what it would do, as far as it can."""
    for method in ("before_build", "build_dag", "before_submit", "submit_dag"):
        if takes(analysis, method, "dryrun"):
            call(analysis, method, keep=False, dryrun=True)
        else:
            report(f"{analysis.entry.pipeline}.{method} would be called (it has no dry run)")


def _submit_one(analysis: Analysis) -> str:
    """Build the DAG of one analysis, submit it and record that; return what to tell of it."""
    workspace = analysis.workspace
    _commit_edit(analysis)
    attempt, job_id, error = launch(analysis, "run", lambda: _call_pipeline(analysis))
    if job_id is None:
        job_id = found(workspace, attempt)
    if job_id is None:
        if isinstance(error, (PluginError, SchedulerUnreachableError)):
            raise error  # no fault of the analysis: it stays ready
        reason = error or AsimovError(
            f"{analysis.entry.pipeline}.submit_dag did not say which job it submitted, and none "
            "carries this attempt's tag"
        )
        workspace.move(analysis.key, "stuck", "submit", str(reason))
        raise reason
    told = f"submitted as job {job_id}"
    if error:
        told += f", although {error}"
    record_job(workspace, attempt, job_id, "running", "submit", told)
    return told


def _call_pipeline(analysis: Analysis) -> Any:
    call(analysis, "before_build", dryrun=False)
    call(analysis, "build_dag", dryrun=False)
    call(analysis, "before_submit", dryrun=False)
    # Packages that call before_submit from their submit_dag have had it called just now.
    pipeline = analysis.pipeline
    pipeline.before_submit = lambda *args, **kwargs: None
    try:
        return call(analysis, "submit_dag", dryrun=False)
    finally:
        del pipeline.before_submit
