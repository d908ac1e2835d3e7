"""The one transaction that changes the ledger: lock, reload, plan, write, record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

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


class LedgerChange:
    """A change of the ledger by the process that holds its lock.

    Parameters
    ----------
    workspace
        The open project.
    origin
        Who or what makes the change, for the history.
    dry_run
        Whether nothing is to be written.
    """

    def __init__(self, workspace: Workspace, origin: Origin, *, dry_run: bool) -> None:
        self._workspace = workspace
        self._origin = origin
        self._dry_run = dry_run

    def write(self, plan: Plan, besides: Callable[[], None] | None = None) -> None:
        """Write a plan, and record it and its new analyses in the journal; not in a dry run.

        Parameters
        ----------
        plan
            The change; what there is to note about it is added.
        besides
            Writes to the journal in the transaction of the change: both are recorded, or neither.

        Raises
        ------
        AsimovError
            If a file can't be written. A change that fails half-way is finished by the next
            command.
        """
        workspace, journal = self._workspace, self._workspace.journal
        # An analysis that a person removed and adds again has no past.
        again = forgotten(journal).intersection(plan.added)
        plan.notes += fresh_start.found(workspace, again)
        if self._dry_run or not plan.files:
            return
        before = history.documents(workspace.contents, plan.files)
        texts = new_texts(workspace.files, plan.files, plan.texts)
        plan.comments_lost = texts.comments_lost
        known = {path: data for path, data in plan.files.items() if data is not None}
        with workspace.files.writing(texts.after, known):
            lives = {str(key): fresh_start.earlier_life(workspace, key) for key in sorted(again)}
            _record(workspace, plan, self._origin, again)
            history.record(journal, self._origin, texts, before, plan.files, lives)
            file_changes.intend(journal, [each for life in lives.values() for each in life.moved])
            if besides is not None:
                besides()
        file_changes.finish(workspace.project, journal)


@contextmanager
def change_ledger(
    workspace: Workspace, by: str | Origin, *, dry_run: bool = False
) -> Iterator[LedgerChange]:
    """Hold the ledger's lock in the block, which plans a change and writes it.

    The project is reloaded first, because another command may have changed the ledger while this
    one waited for the lock, and not again after the change. A dry run waits for nobody.

    Parameters
    ----------
    workspace
        The open project.
    by
        Who or what makes the change, for the history.
    dry_run
        Whether to write nothing.
    """
    with nullcontext() if dry_run else workspace.files.lock():
        workspace.reload()
        origin = by if isinstance(by, Origin) else Origin(by)
        yield LedgerChange(workspace, origin, dry_run=dry_run)


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
