"""Which results a change of the ledger would put out of date."""

from __future__ import annotations

from asimov.engine.staleness.verdicts import outdated
from asimov.journal.keys import Key
from asimov.ledger.contents import Contents
from asimov.project.workspace import Workspace


def newly_outdated(workspace: Workspace, planned: Contents) -> dict[Key, tuple[str, ...]]:
    """Return the analyses that a change puts out of date, each with its reasons.

    Parameters
    ----------
    workspace
        The open project, as it is.
    planned
        The ledger as it would be.
    """
    present = workspace.contents
    keys = [key for key in present.entries if key in planned.entries]
    before = outdated(workspace, keys)
    workspace.go_by(planned)
    try:
        after = outdated(workspace, keys)
    finally:
        workspace.go_by(present)
    found = {
        key: tuple(each.text for each in reasons if each not in before.get(key, ()))
        for key, reasons in after.items()
    }
    return {key: reasons for key, reasons in found.items() if reasons}
