"""What keeps the monitor of a project running now."""

from __future__ import annotations

from asimov.keepers import job
from asimov.keepers.keeper import Kept, recorded
from asimov.project.workspace import Workspace


def kept(workspace: Workspace) -> Kept | None:
    """Return the monitor in the background; None unless it was started and not stopped."""
    return job.running(workspace) or recorded(workspace)
