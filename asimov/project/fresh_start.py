"""An analysis that was removed and is added again starts fresh; what its earlier life left is kept.

Its run directory and its stored results move aside, under the names that a restart uses. Its states
and attempts stay in the journal's history. What pipelines and people wrote about it no longer
counts. All of that is kept as an `EarlierLife`, so that it can be given back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.project.file_changes import FileChange
from asimov.project.storage.names import MANIFEST, names_in
from asimov.project.storage.superseded import is_superseded, last_number, next_place
from asimov.project.workspace import Workspace

#: The journal's tables with what happened to an analysis, which stays.
_HISTORY = {"attempts", "events"}


class EarlierLife(msgspec.Struct, omit_defaults=True):
    """What an analysis was before it was removed and added again.

    Attributes
    ----------
    rows
        Its rows in the journal by table, each by column, but for its history.
    moved
        What moved aside, in order.
    """

    rows: dict[str, list[dict[str, Any]]] = {}
    moved: list[FileChange] = []

    @property
    def status(self) -> str | None:
        """The state that it was in."""
        return next((str(row["status"]) for row in self.rows.get("analyses", ())), None)


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
            place = workspace.project.stored(_place(workspace.project.results.joinpath(*key)))
            left += f"; its results are kept in {place}"
        if left:
            notes.append(f"{key} was removed before and starts fresh{left}")
    return notes


def earlier_life(workspace: Workspace, key: Key) -> EarlierLife:
    """Return what an analysis is now, and what of it has to move out of the way."""
    journal, project = workspace.journal, workspace.project
    life = EarlierLife()
    for table in _tables(journal):
        names = [row[1] for row in journal.rows(f"PRAGMA table_info({table})")]
        rows = journal.rows(f"SELECT * FROM {table} WHERE subject = ? AND name = ?", key)
        if rows:
            life.rows[table] = [dict(zip(names, row, strict=True)) for row in rows]
    folder = run_directory(workspace, key)
    if project.is_working(folder) and folder.exists():
        life.moved.append(FileChange(project.stored(folder), project.stored(next_place(folder))))
    results = project.results.joinpath(*key)
    place = _place(results)
    names = [name for name in names_in(results) if not is_superseded(name)]
    # The manifest moves last: what it lists is then where it is.
    for name in sorted(names, key=lambda name: (name == MANIFEST, name)):
        life.moved.append(FileChange(project.stored(results / name), project.stored(place / name)))
    return life


def give_back(
    workspace: Workspace, key: Key, life: EarlierLife, actor: str, reason: str
) -> list[FileChange]:
    """Record that an analysis is what it was before it started fresh; return what has to move.

    The caller holds the journal's transaction. What the analysis has now moves aside.
    """
    journal = workspace.journal
    now = journal.record(key)
    if now is not None and life.status is not None and now.status != life.status:
        journal.set_status(key, now.status, life.status, actor, reason)
    else:
        journal.note(key, actor, "note", reason)
    for table in _tables(journal):
        journal.write(f"DELETE FROM {table} WHERE subject = ? AND name = ?", key)
        for row in life.rows.get(table, ()):
            journal.write(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                list(row.values()),
            )
    back = [FileChange(each.to, each.path) for each in life.moved]
    return [*earlier_life(workspace, key).moved, *back]


def gone(workspace: Workspace, life: EarlierLife) -> list[str]:
    """Return what moved aside and is not there any more."""
    paths: Iterable[str] = (each.to for each in life.moved)
    return [path for path in paths if not workspace.project.path(path).exists()]


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
        for table in _tables(journal) - {"analyses"}:
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


def _tables(journal: Journal) -> set[str]:
    """Return the journal's tables with what an analysis is, in contrast to what happened to it."""
    return set(journal.tables_of_analyses()) - _HISTORY


def _place(results: Path) -> Path:
    """Return the folder in which the present results of an analysis will be kept."""
    return results / f"superseded-{last_number(results) + 1}"
