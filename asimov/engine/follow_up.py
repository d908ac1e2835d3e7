"""Once jobs are gone: stop or restart analyses on request, and store results of finished ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
from asimov.system import progress

Report = Callable[[str], None]
#: For how long results are stored before they are recorded, in seconds.
SOON = 0.5


class _Outcome(NamedTuple):
    """What became of a finished analysis.

    Attributes
    ----------
    status
        Its new state; None if it stays finished, and the next pass tries again.
    reason
        Why.
    line
        What is reported.
    """

    status: str | None
    reason: str
    line: str


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
            report(f"{name}: {error}")
            _leave_alone(workspace, key, str(error))
        except (AsimovError, OSError) as error:
            workspace.move(key, "stuck", "monitor", str(error))
            report(f"{name}: stuck: {error}")


def _leave_alone(workspace: Workspace, key: Key, why: str) -> None:
    """Record what is not the analysis's fault; the next pass tries again."""
    if workspace.records[key].job_detail != why:
        workspace.journal.observed([(key, None, why, None)])


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
    finished = [
        key
        for key in workspace.contents.entries
        if key in keys and workspace.status(key) == "finished"
    ]
    left = progress.over(finished, "storing results")
    while outcomes := _store_some(workspace, left, checked):
        with workspace.journal.transaction():
            for key, outcome in outcomes.items():
                if outcome.status is None:
                    _leave_alone(workspace, key, outcome.reason)
                else:
                    workspace.move(key, outcome.status, "monitor", outcome.reason)
        for key, outcome in outcomes.items():
            report(f"{key}: {outcome.line}")


def _store_some(
    workspace: Workspace, left: Iterator[Key], checked: Collection[Key]
) -> dict[Key, _Outcome]:
    """Store results of some analyses, on disk when this returns; return what became of them.

    Waiting for the disk takes longer than most copies. So many analyses share it, unless storing
    one takes a while: what is stored and not recorded is stored again after a crash.
    """
    outcomes: dict[Key, _Outcome] = {}
    began = time.monotonic()
    with workspace.store.together() as failed:
        for key in left:
            try:
                outcomes[key] = _store(workspace, key, checked=key in checked)
            except (PluginError, SchedulerUnreachableError) as error:
                outcomes[key] = _Outcome(None, str(error), str(error))
            except AsimovError as error:
                outcomes[key] = _not_storable(error)
            if time.monotonic() - began > SOON:
                break
    for key in outcomes:
        if unlisted := failed.get(workspace.store.root.joinpath(*key)):
            outcomes[key] = _not_storable(unlisted)
    return outcomes


def _store(workspace: Workspace, key: Key, *, checked: bool) -> _Outcome:
    """Store the results of a finished analysis; `Store.together` says when they are on disk."""
    attempts = workspace.journal.attempts(key)
    if taken := _reused(workspace, key, attempts):
        return _Outcome("uploaded", taken, f"finished -> uploaded: {taken}")
    analysis = workspace.analysis(key)
    assets = Assets(analysis)
    if wrong := _fault(workspace, analysis, assets, checked=checked):
        return _Outcome("stuck", wrong, f"finished -> stuck: {wrong}")
    provenance.complete(analysis, assets, attempts)
    call_method(analysis, "after_processing")
    there = provenance.store(analysis)
    lacks = _not_stored(analysis)
    stored = STORED if there or lacks else "it has no products to store"
    return _Outcome("uploaded", f"{stored}{lacks}", f"finished -> uploaded{lacks}")


def _not_storable(error: AsimovError) -> _Outcome:
    # The fault is in the products, whichever method found it.
    reason = error.__cause__ if isinstance(error.__cause__, NotStorableError) else error
    return _Outcome(
        "stuck", f"storing its results failed: {reason}", f"finished -> stuck: {reason}"
    )


def _reused(workspace: Workspace, key: Key, attempts: Sequence[Attempt]) -> str | None:
    """Return why the results of an analysis are stored already: it took them over."""
    if not attempts or attempts[-1].stage != REUSE:
        return None
    faults = workspace.store.verify(*key, quick=True)
    if faults or not workspace.store.manifest(*key):
        raise AsimovError("the results that it reused are damaged or incomplete")
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
        lacks = "it is complete, but lacks products that its pipeline declares"
        return f"{lacks}: {', '.join(missing)}"
    return None


def _not_stored(analysis: Analysis) -> str:
    """Name the assets that the pipeline lists and that do not exist, if any."""
    names = [text.line(Path(each).name) for each in getattr(analysis.pipeline, "not_stored", ())]
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f", except for assets that do not exist: {', '.join(names[:5])}{more}"
