"""Once jobs are gone: stop or restart analyses on request, and store results of finished ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from asimov import text
from asimov.discovery.entrypoints import PluginError
from asimov.engine.importing.old_folders import leave_old_folder
from asimov.engine.provenance import files as provenance
from asimov.engine.questions.asking import forget
from asimov.engine.reuse.takeover import STAGE as REUSE
from asimov.engine.run_directories import clean
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.plugins.methods import call_method
from asimov.plugins.requirements import Assets, faults_of_outputs, missing_outputs
from asimov.project.analysis import Analysis
from asimov.project.storage.names import STORED
from asimov.project.storage.products import NotStorableError
from asimov.project.workspace import Workspace

Report = Callable[[str], None]


def stop_or_restart(workspace: Workspace, keys: set[Key], report: Report) -> None:
    """Stop analyses, or make them ready to run again, once their jobs have left the queue.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to look at.
    report
        Takes a line for each thing that happened.
    """
    leaving = [
        key
        for key in workspace.contents.entries
        if key in keys and workspace.status(key) in {"stop", "restart"}
    ]
    if not leaving:
        return
    with_job = {attempt.key for attempt in workspace.journal.open_attempts()}
    for key in leaving:
        if key in with_job:
            continue
        name = str(key)
        if workspace.status(key) == "stop":
            workspace.move(key, "stopped", "monitor", "its job has left the queue")
            report(f"{name}: stopped")
            continue
        try:
            analysis = workspace.analysis(key)
            left = leave_old_folder(workspace, analysis)
            kept = clean(analysis)
            analysis.start_over()
            workspace.keep(analysis)
            forget(analysis)
            workspace.store.replace(*key)
            reason = "its run directory was cleaned"
            if left is not None:
                reason = f"it runs in this project now; {left} stays as it is"
            if kept is not None:
                reason += f"; what was in it is in {workspace.project.stored(kept)}"
            workspace.move(key, "ready", "monitor", reason)
            report(f"{name}: restart -> ready")
        except (PluginError, SchedulerUnreachableError) as error:
            _leave_alone(workspace, key, error, report)
        except (AsimovError, OSError) as error:
            workspace.move(key, "stuck", "monitor", str(error))
            report(f"{name}: stuck: {error}")


def _leave_alone(workspace: Workspace, key: Key, error: AsimovError, report: Report) -> None:
    """Report what is not the analysis's fault; the next pass tries again."""
    report(f"{key}: {error}")
    if workspace.records[key].job_detail != str(error):
        workspace.journal.observed([(key, None, str(error), None)])


def store_results(
    workspace: Workspace, keys: set[Key], report: Report, *, checked: Collection[Key] = ()
) -> None:
    """Store the results of finished analyses; those that lack a declared output become stuck.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to look at.
    report
        Takes a line for each thing that happened.
    checked
        Those whose products were found to be as declared in this pass.
    """
    for key in workspace.contents.entries:
        if key not in keys or workspace.status(key) != "finished":
            continue
        name = str(key)
        try:
            attempts = workspace.journal.attempts(key)
            if taken := _reused(workspace, key, attempts):
                workspace.move(key, "uploaded", "monitor", taken)
                report(f"{name}: finished -> uploaded: {taken}")
                continue
            analysis = workspace.analysis(key)
            assets = Assets(analysis)
            if wrong := _fault(workspace, analysis, assets, checked=key in checked):
                workspace.move(key, "stuck", "monitor", wrong)
                report(f"{name}: finished -> stuck: {wrong}")
                continue
            provenance.complete(analysis, assets, attempts)
            call_method(analysis, "after_processing")
            there = provenance.store(analysis)
        except (PluginError, SchedulerUnreachableError) as error:
            _leave_alone(workspace, key, error, report)
            continue
        except AsimovError as error:
            # The fault is in the products, whichever method found it.
            reason = error.__cause__ if isinstance(error.__cause__, NotStorableError) else error
            workspace.move(key, "stuck", "monitor", f"storing its results failed: {reason}")
            report(f"{name}: finished -> stuck: {reason}")
            continue
        lacks = _not_stored(analysis)
        stored = STORED if there or lacks else "it has no products to store"
        workspace.move(key, "uploaded", "monitor", f"{stored}{lacks}")
        report(f"{name}: finished -> uploaded{lacks}")


def _reused(workspace: Workspace, key: Key, attempts: Sequence[Attempt]) -> str | None:
    """Return why the results of an analysis are stored already: it took them over."""
    if not attempts or attempts[-1].stage != REUSE:
        return None
    faults = workspace.store.verify(*key, quick=True)
    if faults or not workspace.store.manifest(*key):
        raise AsimovError("its results, which it took over, are not whole any more")
    return f"it {attempts[-1].reason}"


def fault_of_products(workspace: Workspace, analysis: Analysis) -> str | None:
    """Return what is wrong with the products of a complete analysis, and log the details."""
    if faults := faults_of_outputs(analysis):
        details = "\n".join(faults)
        workspace.journal.note(
            analysis.key, "monitor", "failed", "its products are faulty", details
        )
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return f"its products are not what its pipeline declares: {faults[0]}{more}"
    return None


def _fault(
    workspace: Workspace, analysis: Analysis, assets: Assets, *, checked: bool
) -> str | None:
    """Return what is wrong with the products of a finished analysis, or what it lacks."""
    if not checked and (fault := fault_of_products(workspace, analysis)):
        return fault
    if missing := missing_outputs(analysis, assets):
        lacks = "it is complete, but lacks what its pipeline declares to make"
        return f"{lacks}: {', '.join(missing)}"
    return None


def _not_stored(analysis: Analysis) -> str:
    """Name the assets that the pipeline lists and that do not exist, if any."""
    names = [text.line(Path(each).name) for each in getattr(analysis.pipeline, "not_stored", ())]
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f", but for assets that do not exist: {', '.join(names[:5])}{more}"
