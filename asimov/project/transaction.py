"""The one transaction that changes the ledger: lock, reload, plan, write, record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from asimov.configuration import person
from asimov.journal.confirmed_removals import forget, forgotten, take_back
from asimov.journal.keys import Key
from asimov.ledger.append import new_texts
from asimov.ledger.contents import Contents
from asimov.ledger.plan import Plan
from asimov.project import file_changes, fresh_start, history
from asimov.project.history import Origin
from asimov.project.workspace import Workspace

#: Returns the analyses whose results a planned ledger puts out of date, each with the reasons.
Outdated = Callable[[Workspace, Contents], dict[Key, tuple[str, ...]]]


def change_ledger(
    workspace: Workspace,
    make_plan: Callable[[], Plan],
    by: str | Origin,
    *,
    dry_run: bool = False,
    besides: Callable[[], None] = lambda: None,
) -> Plan:
    """Plan a change of the ledger, write it, and record it and its new analyses in the journal.

    Nothing is written unless the whole plan can be made. The workspace is not reloaded afterwards.

    Parameters
    ----------
    workspace
        The open project. It is reloaded under the ledger's lock, because another command may have
        changed the ledger while this one waited for the lock.
    make_plan
        Plans the change for the reloaded ledger.
    by
        Who or what makes the change, for the history.
    dry_run
        Whether to return the plan without writing anything.
    besides
        Writes to the journal in the transaction of the change: both are recorded, or neither.

    Returns
    -------
    Plan
        What was written, or would be.

    Raises
    ------
    AsimovError
        If `make_plan` raises it, or a file can't be written. A change that fails half-way is
        finished by the next command.
    """
    origin = by if isinstance(by, Origin) else Origin(by)
    with nullcontext() if dry_run else workspace.files.lock():
        workspace.reload()
        plan = make_plan()
        # An analysis that a person removed and adds again has no past.
        again = forgotten(workspace.journal).intersection(plan.added)
        plan.notes += fresh_start.found(workspace, again)
        if dry_run or not plan.files:
            return plan
        before = history.documents(workspace.contents, plan.files)
        texts = new_texts(workspace.files, plan.files, plan.texts)
        plan.comments_lost = texts.comments_lost

        def record() -> None:
            lives = {str(key): fresh_start.earlier_life(workspace, key) for key in sorted(again)}
            _record(workspace, plan, origin, again)
            history.record(workspace.journal, origin, texts, before, plan.files, lives)
            moved = [each for life in lives.values() for each in life.moved]
            file_changes.intend(workspace.journal, moved)
            besides()

        known = {path: data for path, data in plan.files.items() if data is not None}
        workspace.files.write(texts.after, known, record)
        file_changes.finish(workspace.project, workspace.journal)
    return plan


def _record(workspace: Workspace, plan: Plan, origin: Origin, again: set[Key]) -> None:
    journal, by = workspace.journal, origin.command
    new = [(key, status, f"added by {by}") for key, status in plan.added.items()]
    journal.add(new, "apply")
    take_back(journal, plan.added)
    for key, status, reason in new:
        if key in again:
            fresh_start.record(journal, key, status, person(), reason)
    if plan.removed:
        forget(journal, plan.removed, person(), origin.reason or f"by {by}", "removed")
