"""What follows a pass: sinks of telemetry are told, and postmonitor hooks run.

Neither changes what the pass has come to.
"""

from __future__ import annotations

from collections.abc import Callable

from asimov.plugins import hooks, telemetry
from asimov.project.workspace import Workspace


def after_pass(
    workspace: Workspace, report: Callable[[str], None], since: float, *, postmonitor: bool = True
) -> None:
    """Do what packages add to the end of a pass.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each thing that goes wrong.
    since
        When the pass began, in seconds since the epoch.
    postmonitor
        Whether it is time for the postmonitor hooks.
    """
    if not workspace.contents.project.get("hooks"):
        telemetry.QUEUE.clear()
        return
    telemetry.send(workspace, report, since)
    if postmonitor:
        hooks.run_postmonitor(workspace, report)
