"""Analyses over others that are made again when those they are made over have changed.

An analysis asks for it with ``refreshable: true``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from asimov.errors import ReportedError
from asimov.keys import Key
from asimov.project.analysis import Analysis
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace, workspace_of
from asimov.states import STATES

#: The fact that holds what an analysis was last made over, as ``subject/name``.
MADE_OVER = "made over"


def remember(analysis: Analysis) -> None:
    """Keep what an analysis over others is made over.

    It is called before it is submitted: a crash in between would else leave one that is never made
    again.
    """
    if analysis.entry.kind != "simple":
        analysis.meta[MADE_OVER] = _names(workspace_of(analysis), analysis.key)
        workspace_of(analysis).keep(analysis)


def may_be_old(analysis: Analysis) -> bool:
    """Say whether what is in the run directory may be of an earlier run (see `refresh`).

    Then a job that failed has made nothing of it.
    """
    return analysis.entry.kind != "simple" and analysis.meta.get("refreshable") is True


def refresh(workspace: Workspace, keys: Collection[Key], report: Callable[[str], None]) -> None:
    """Have analyses that are complete made again where what they are made over has changed.

    They become ``ready``; their run directories and pages stay, so that a pipeline may add to what
    it has made. All that they are made over has to be complete first.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lock.
    keys
        The analyses to look at.
    report
        Takes a line for each that is to be made again.
    """
    for key, entry in workspace.contents.entries.items():
        if entry.kind == "simple" or key not in keys or workspace.status(key) != "uploaded":
            continue
        settings = workspace.settings(key)
        before, now = settings.get(MADE_OVER), _names(workspace, key)
        if settings.get("refreshable") is not True or before is None or set(before) == set(now):
            continue
        inputs = workspace.dependencies.inputs(key)
        if not now or not all(STATES[workspace.status(each)].done for each in inputs):
            continue
        told = _change(set(before), set(now))
        try:
            Store(workspace.project.results).replace(*key)
        except (ReportedError, OSError) as error:
            report(f"{key}: {told}, but its stored results can't be put aside: {error}")
            continue
        workspace.move(key, "ready", "monitor", f"to be made again: {told}")
        report(f"{key}: uploaded -> ready: {told}")


def _names(workspace: Workspace, key: Key) -> list[str]:
    return sorted(str(each) for each in workspace.dependencies.inputs(key))


def _change(before: set[str], now: set[str]) -> str:
    parts = [
        f"{', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} {word}"
        for names, word in ((now - before, "been added"), (before - now, "gone"))
        if names
    ]
    return " and ".join(parts)
