"""The project that one is in, for packages that ask for it, and its ledger."""

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


#: The projects that this process has opened for packages only; nobody else keeps them.
_own: list[Workspace] = []


class _CurrentLedger:
    """The ledger of the project that one is in when it is asked: packages keep what they import."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ledger_here(), name)

    def __repr__(self) -> str:
        return repr(ledger_here())


def ledger_here() -> Ledger:
    """Return the ledger of the project that one is in; see `current_workspace`."""
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
    """Return the ledger of the project that one is in; None outside of any."""
    if current.workspace() is None:
        from asimov.layout import find

        try:
            find()
        except AsimovError:
            return None
    return _CurrentLedger()
