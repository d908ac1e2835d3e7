"""Requests to run analyses again if their inputs change: which are open, and how they end early."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from asimov.configuration import person
from asimov.engine.lease import at_work
from asimov.engine.rerun.requested import requested, withdraw_restarts
from asimov.engine.staleness.inputs import downstream, upstream_first
from asimov.journal.keys import Key
from asimov.journal.reruns import Requests
from asimov.project.workspace import Workspace
from asimov.states import STATES


def withdraw(
    workspace: Workspace,
    keys: Collection[Key],
    reason: str | None,
    besides: Callable[[list[Key], list[Key]], None] = lambda restarts, later: None,
) -> tuple[list[Key], list[Key]]:
    """Withdraw the open requests to run some analyses again.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses.
    reason
        The person's reason, for the log.
    besides
        Takes what is returned, and writes to the journal in the same transaction.

    Returns
    -------
    restarts
        The analyses that were to restart; each is in the state again that it was in.
    later
        The analyses that no longer run again if their inputs change: some of `keys`, and those
        that only waited for restarts.
    """
    with at_work(workspace, "asimov rerun", wait=True), workspace.journal.durably():
        workspace.adopt()
        later = _withdraw(workspace, keys, f"request withdrawn: {reason or 'on request'}")
        restarts = withdraw_restarts(workspace, requested(workspace, keys), reason)
        later += withdraw_for_cancelled(workspace, restarts)
        besides(restarts, later)
        return restarts, later


def withdraw_for_cancelled(workspace: Workspace, cancelled: Collection[Key]) -> list[Key]:
    """Withdraw the requests of cancelled analyses, and those that only waited for them.

    The caller holds the lease.

    Parameters
    ----------
    workspace
        The open project.
    cancelled
        The analyses that were just cancelled, or whose requests are to end.
    """
    if not cancelled:
        return []
    open_ones = Requests(workspace.journal).all()
    if not open_ones:
        return []
    gone = set(cancelled)
    below = {key for key in downstream(workspace, cancelled) if key in open_ones}
    to_be_made: set[Key] = set()
    for key in upstream_first(workspace, open_ones):
        inputs = workspace.dependencies.inputs(key)
        if key in below and not any(each in to_be_made for each in inputs):
            gone.add(key)
        state = STATES[workspace.status(key)]
        waits = key in open_ones and key not in gone
        if waits or not (state.done or workspace.status(key) == "cancelled"):
            to_be_made.add(key)
    return _withdraw(
        workspace, gone, "request withdrawn: the analysis that it waited for no longer runs"
    )


def _withdraw(workspace: Workspace, keys: Iterable[Key], said: str) -> list[Key]:
    requests = Requests(workspace.journal)
    known = requests.all()
    found = [key for key in keys if key in known]
    with workspace.journal.transaction():
        requests.close(found)
        for key in found:
            workspace.journal.note(key, person(), "rerun", said)
    return found
