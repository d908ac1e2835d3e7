"""Rerun aggregate analyses, such as subject and project analyses, when their inputs change.

An analysis asks for this with ``refreshable: true``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from asimov.errors import ReportedError
from asimov.journal.keys import Key
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace, workspace_of
from asimov.states import STATES

#: The fact that lists the inputs of an analysis's last run, as ``subject/name``. Journals hold it
#: under this name.
RUN_INPUTS = "run inputs"


def record_inputs(analysis: Analysis) -> None:
    """Record the inputs of an aggregate analysis that is about to be submitted.

    This comes before the submission: otherwise a crash in between would leave an analysis that is
    never rerun.
    """
    if analysis.entry.kind != "simple":
        analysis.meta[RUN_INPUTS] = _names(workspace_of(analysis), analysis.key)
        workspace_of(analysis).keep(analysis)


def may_be_old(analysis: Analysis) -> bool:
    """Return whether the run directory may hold products of an earlier run (see `refresh`).

    Then what is there does not show that a failed job has made anything.
    """
    return analysis.entry.kind != "simple" and analysis.meta.get("refreshable") is True


def refresh(workspace: Workspace, keys: Collection[Key], report: Callable[[str], None]) -> None:
    """Make complete aggregate analyses ready again if their inputs have changed.

    Their run directories and pages stay, so that a pipeline may add to its earlier products. All
    their inputs must be complete first.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lock.
    keys
        The analyses to look at.
    report
        Takes a line for each analysis that will be rerun.
    """
    for key, entry in workspace.contents.entries.items():
        if entry.kind == "simple" or key not in keys or workspace.status(key) != "uploaded":
            continue
        settings = workspace.settings(key)
        before, now = settings.get(RUN_INPUTS), _names(workspace, key)
        if settings.get("refreshable") is not True or before is None or set(before) == set(now):
            continue
        inputs = workspace.dependencies.inputs(key)
        if not now or not all(STATES[workspace.status(each)].done for each in inputs):
            continue
        change = _change(set(before), set(now))
        try:
            workspace.store.replace(*key)
        except (ReportedError, OSError) as error:
            report(f"{key}: {change}, but its stored results can't be moved aside: {error}")
            continue
        workspace.move(key, "ready", "monitor", f"to be rerun: {change}")
        report(f"{key}: uploaded -> ready: {change}")


def _names(workspace: Workspace, key: Key) -> list[str]:
    return sorted(str(each) for each in workspace.dependencies.inputs(key))


def _change(before: set[str], now: set[str]) -> str:
    parts = [
        f"{', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} {word}"
        for names, word in ((now - before, "been added"), (before - now, "gone"))
        if names
    ]
    return " and ".join(parts)
