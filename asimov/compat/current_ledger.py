"""`current_ledger` and the project around the current folder, for packages that import them."""

from __future__ import annotations

from typing import Any

from asimov.errors import AsimovError
from asimov.plugins.containment import is_inside
from asimov.plugins.ledger_api import Ledger
from asimov.project import current
from asimov.project.workspace import Workspace


def current_workspace() -> Workspace:
    """Return the project that this process has open, or open the one around the current folder.

    Raises
    ------
    AsimovError
        Where there is none.
    """
    opened = current.workspace()
    if not isinstance(opened, Workspace):
        opened = Workspace.open()
        _own.append(opened)
    return opened


#: The projects that were opened for packages only; this list keeps them open.
_own: list[Workspace] = []


class _CurrentLedger:
    """The ledger of the current project, looked up on each use: packages keep what they import."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ledger_here(), name)

    def __repr__(self) -> str:
        return repr(ledger_here())


def ledger_here() -> Ledger:
    """Return the ledger of the current project; see `current_workspace`."""
    workspace = current_workspace()
    known = workspace.ledger
    if workspace.journal.fence is not None:
        writes = "facts"  # this is the monitor, or builds or submits
    elif is_inside() and not (isinstance(known, Ledger) and known.in_transaction):
        writes = "nothing"  # a pipeline is asked in a dry run, or for a report
    else:
        writes = "ledger"
    if isinstance(known, Ledger) and known.writes == writes:
        return known
    return Ledger(workspace, writes=writes)


def current_ledger() -> Any:
    """Return the ledger of the current project; None outside a project."""
    if current.workspace() is None:
        from asimov.project.layout import find

        try:
            find()
        except AsimovError:
            return None
    return _CurrentLedger()
