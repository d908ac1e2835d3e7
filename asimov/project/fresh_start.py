"""An analysis that was removed and is added again starts fresh; what its earlier life left is kept.

Its run directory and its stored results move aside, under the names that a restart uses. Its states
and attempts stay in the journal's history. What pipelines and people wrote about it no longer
counts.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.project.storage.superseded import is_superseded, move_aside, next_place
from asimov.project.workspace import Workspace

#: The journal's tables with what happened to an analysis, which stays.
_HISTORY = {"analyses", "attempts", "events"}


def found(workspace: Workspace, keys: Collection[Key]) -> list[str]:
    """Return notes on what the earlier lives of analyses left, and where it will be kept."""
    notes = []
    for key in sorted(keys):
        record = workspace.records.get(key)
        left = f"; it was {record.status}" if record and record.uid else ""
        folder = run_directory(workspace, key)
        if folder.exists():
            left += f"; its run directory is kept as {workspace.project.stored(next_place(folder))}"
        if _stored(workspace, key):
            store = workspace.project.stored(workspace.project.results.joinpath(*key))
            left += f"; its results are kept in {store}/superseded-<n>"
        if left:
            notes.append(f"{key} was removed before and starts fresh{left}")
    return notes


def put_aside(workspace: Workspace, keys: Collection[Key]) -> None:
    """Move what the earlier lives of analyses left out of the way; nothing is deleted.

    Raises
    ------
    AsimovError
        If something can't be moved.
    """
    for key in keys:
        folder = run_directory(workspace, key)
        if workspace.project.is_working(folder):
            move_aside(folder)
        if _stored(workspace, key):
            Store(workspace.project.results).replace(*key)


def record(journal: Journal, key: Key, status: str, actor: str, reason: str) -> None:
    """Record that an analysis starts fresh: without a job, a build, or anything written to it."""
    with journal.transaction():
        before = journal.record(key)
        if before is not None and before.status != status:
            journal.set_status(key, before.status, status, actor, reason)
        else:
            journal.set_reason(key, actor, reason)
        journal.write(
            "UPDATE analyses SET uid = NULL, job_id = NULL, job_state = NULL, job_detail = NULL, "
            "progress = NULL, job_since = NULL WHERE subject = ? AND name = ?",
            key,
        )
        for table in set(journal.tables_of_analyses()) - _HISTORY:
            journal.write(f"DELETE FROM {table} WHERE subject = ? AND name = ?", key)


def run_directory(workspace: Workspace, key: Key) -> Path:
    """Return the run directory that an analysis had, also of one that the ledger lacks."""
    if key in workspace.contents.entries:
        return Path(workspace.analysis(key).rundir)
    own = workspace.facts.get(key, {}).get("rundir")
    return workspace.project.path(str(own)) if own else workspace.project.working.joinpath(*key)


def _stored(workspace: Workspace, key: Key) -> bool:
    folder = workspace.project.results.joinpath(*key)
    return folder.is_dir() and any(not is_superseded(each.name) for each in folder.iterdir())
