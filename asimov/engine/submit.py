"""Submit built analyses, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asimov.engine.attempts import resolve_intents
from asimov.engine.batch import Batch, record_failure
from asimov.engine.build import Result, content_digest, unbuilt
from asimov.engine.lease import acting
from asimov.engine.readiness import waiting_for
from asimov.engine.results.inputs import StoredInputs
from asimov.engine.submission_limits import Throttle
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.plugins.methods import call_method, guarded, takes
from asimov.project.analysis import Analysis
from asimov.project.template_files import Templates
from asimov.project.workspace import Workspace, workspace_of
from asimov.system import progress, reading

Report = Callable[[str], None]


@contextmanager
def submitting(
    workspace: Workspace, purpose: str, report: Report, *, dry_run: bool = False
) -> Iterator[dict[Key, str]]:
    """Hold the project's lease, and settle first what a crash has left of submissions.

    Parameters
    ----------
    workspace
        The open project.
    purpose
        Why, in a few words.
    report
        Takes a line for each thing that was left.
    dry_run
        Whether to do none of this.

    Yields
    ------
    dict
        The analyses that may have been submitted, and why that is not known. Nothing may be
        submitted for them.

    Raises
    ------
    AsimovError
        As `asimov.engine.lease.at_work` does.
    """
    with acting(workspace, purpose, report, dry_run=dry_run):
        if dry_run:
            yield {}
            return
        workspace.scheduler().wake()
        yield resolve_intents(workspace, report)


def submit(
    workspace: Workspace,
    keys: Iterable[Key],
    report: Report,
    *,
    dry_run: bool = False,
    most: int | None = None,
) -> Result:
    """Submit the analyses among some that are ready and built.

    Parameters
    ----------
    workspace
        The open project; the caller is in a block of `submitting`.
    keys
        The analyses.
    report
        Takes a line for each thing done.
    dry_run
        Whether to print what would be done and touch nothing.
    most
        How many to submit at most; by default what the configuration says.

    Raises
    ------
    CredentialsError
        If the scheduler refuses this user's credentials; then nothing was tried.
    """
    keys = list(keys)
    result = Result()
    if not dry_run and any(workspace.status(key) == "ready" for key in keys):
        workspace.scheduler().check_credentials()
    open_keys = {attempt.key for attempt in workspace.journal.open_attempts()}
    uncertain = {key for key in open_keys if workspace.status(key) == "ready"}
    stored, templates = StoredInputs(workspace), Templates()
    throttle = Throttle(workspace, uncertain, most)
    batch = None if dry_run else Batch(workspace, report, result)
    for key in progress.over(keys, "submitting"):
        if workspace.status(key) != "ready":
            continue
        waits = waiting_for(workspace, key)
        if key in uncertain:
            waits.append("it is not known yet whether it was already submitted")
        try:
            if not waits and (full := throttle.full()):
                result.deferred.append(key)
                waits = [full]
            if not waits and (
                missing := _submit_one(workspace.analysis(key), report, batch, stored, templates)
            ):
                # Not an error: it may have become ready, or its settings may have changed,
                # since the last build.
                result.unbuilt.append(key)
                waits = [str(missing)]
            if waits:
                result.waiting[key] = waits
                continue
            throttle.count()
            if dry_run:
                result.done.append(key)
        except AsimovError as error:
            result.failed[key] = error
            report(f"{key}: {error.with_hint}")
            if not dry_run:
                record_failure(workspace, key, error)
    if batch is not None:
        batch.finish()
        throttle.keep()
    return result


def _submit_one(
    analysis: Analysis,
    report: Report,
    batch: Batch | None,
    stored: StoredInputs,
    templates: Templates,
) -> AsimovError | None:
    """Submit an analysis, or rehearse it if `batch` is None; return why it must be built first."""
    stored.check(analysis.key)
    with guarded(analysis, "__init__", passing=AsimovError):
        missing = unbuilt(analysis, templates)
    if missing is not None:
        return missing
    if batch is None:
        _rehearse(analysis, report)
    else:
        _commit_edit(analysis, report)
        batch.add(analysis)
    return None


def _commit_edit(analysis: Analysis, report: Report) -> None:
    """Commit a configuration that was edited by hand, so that git shows what ran."""
    workspace = workspace_of(analysis)
    known = workspace.builds[analysis.key]
    if content_digest(reading.contents(analysis.config_file)) == known.content:
        return
    path = Path(analysis.config_file)
    message = f"Edited by hand: {analysis.key}"
    commit = analysis.repository.commit([path], message, report)
    if commit:
        reason = f"{known.config} was edited by hand, and is committed as {commit[:9]}"
        workspace.journal.note(analysis.key, "submit", "edited", reason)


def _rehearse(analysis: Analysis, report: Report) -> None:
    """Let the pipeline print what it would do, as far as it can."""
    for method in ("before_build", "build_dag", "before_submit", "submit_dag"):
        if takes(analysis, method, "dryrun"):
            call_method(analysis, method, keep=False, dryrun=True)
        else:
            report(f"{analysis.entry.pipeline}.{method} would be called (it has no dry run)")
