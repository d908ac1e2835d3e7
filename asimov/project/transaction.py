"""The one transaction that changes the ledger: lock, reload, plan, write, record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from asimov.journal.confirmed_removals import take_back
from asimov.ledger.append import write
from asimov.ledger.plan import Plan
from asimov.project.workspace import Workspace


def change_ledger(
    workspace: Workspace, make_plan: Callable[[], Plan], by: str, *, dry_run: bool = False
) -> Plan:
    """Plan a change of the ledger, write it and record the new analyses in the journal.

    Nothing is written unless the whole plan can be made. The workspace is not reloaded afterwards.

    Parameters
    ----------
    workspace
        The open project. It is reloaded under the ledger's lock, because another command may have
        changed the ledger while this one waited for the lock.
    make_plan
        Plans the change for the reloaded ledger.
    by
        Who makes the change, for the history of the new analyses.
    dry_run
        Whether to return the plan without writing anything.

    Returns
    -------
    Plan
        What was written, or would be.

    Raises
    ------
    AsimovError
        If `make_plan` raises it, or a file can't be written. A change of several files that fails
        half-way is finished by the next command.
    """
    with nullcontext() if dry_run else workspace.files.lock():
        workspace.reload()
        plan = make_plan()
        if dry_run:
            return plan
        plan.comments_lost = write(workspace.files, plan.files)
        added = [(key, status, f"added by {by}") for key, status in plan.added.items()]
        workspace.journal.add(added, "apply")
        take_back(workspace.journal, plan.added)
    return plan
