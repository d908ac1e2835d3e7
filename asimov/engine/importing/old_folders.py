"""Give an imported analysis a run directory in this project before it runs again."""

from __future__ import annotations

from pathlib import Path

from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace


def leave_old_folder(workspace: Workspace, analysis: Analysis) -> Path | None:
    """Have an imported analysis that is about to run use a run directory of this project.

    What an import took over refers to the folder in the older project, to which nothing is ever
    written. A folder that the ledger names, or that a job of this project has used, stays.

    Returns
    -------
    Path
        The folder that is left as it is; None if the analysis uses another one already.
    """
    key, project = analysis.key, workspace.project
    taken_over = workspace.facts.get(key, {}).get("rundir")
    if not taken_over or project.is_working(old := project.path(str(taken_over))):
        return None
    arrived = next((each.time for each in workspace.journal.events(*key)), 0.0)
    # An adopted job began before its analysis arrived; a job of this project can't have.
    if any(each.intended >= arrived for each in workspace.journal.attempts(key)):
        return None
    analysis.rundir = project.working.joinpath(*key)
    workspace.keep(analysis)
    return old
