"""Moves and deletions of files that belong to a change of the ledger, finished after any crash.

They are recorded in the same transaction of the journal as the change itself, and carried out when
it is in the ledger's files. Each can be repeated, so the next command that acts finishes what a
crash left.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from asimov.errors import ReportedError
from asimov.journal.journal import Journal
from asimov.project.git.repository import EventRepo
from asimov.project.layout import Project
from asimov.project.storage.superseded import is_superseded
from asimov.system.disk import sync_path
from asimov.system.files import unwritable

#: The property of the journal that lists what is still to be done.
_PROPERTY = "files to move or delete"


class FileChange(msgspec.Struct, omit_defaults=True):
    """Something to be done with a file or folder; paths are relative to the project.

    Attributes
    ----------
    path
        What is moved or deleted.
    to
        Where it is moved; an empty text deletes it.
    repository
        The folder of the git repository in which the move is committed, if it is in one.
    message
        The commit's message.
    """

    path: str
    to: str = ""
    repository: str = ""
    message: str = ""


def intend(journal: Journal, changes: Iterable[FileChange]) -> None:
    """Record what is to be done; call it in the transaction that records the change."""
    listed = [*pending(journal), *changes]
    if listed:
        journal.set_property(_PROPERTY, msgspec.json.encode(listed).decode())


def pending(journal: Journal) -> list[FileChange]:
    """Return what is still to be done."""
    text = journal.get_property(_PROPERTY)
    return msgspec.json.decode(text, type=list[FileChange]) if text else []


def finish(project: Project, journal: Journal) -> None:
    """Do what is recorded; the caller holds the ledger's lock.

    Raises
    ------
    AsimovError
        If something can't be done. It stays recorded, and the next command tries again.
    """
    changes = pending(journal)
    if not changes:
        return
    try:
        for change in changes:
            act: Callable[[Project, FileChange], None] = (
                _commit if change.repository else _carry_out
            )
            act(project, change)
    except ReportedError as error:
        error.hint = "fix this; the next command then finishes the change"
        raise
    journal.set_property(_PROPERTY, None)


def _carry_out(project: Project, change: FileChange) -> None:
    path = project.path(change.path)
    try:
        if change.to:
            _rename(path, project.path(change.to))
        else:
            _delete(path)
    except OSError as error:
        raise unwritable(
            error, path, "can't be moved" if change.to else "can't be deleted"
        ) from error


def _rename(path: Path, to: Path) -> None:
    if not os.path.lexists(path):  # it was moved before a crash
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and to.is_dir() and not any(to.iterdir()):
        to.rmdir()  # a pipeline, or a command that a crash cut short, has made it
    if os.path.lexists(to):
        raise FileExistsError(17, "something already exists there", str(to))
    path.rename(to)
    if is_superseded(path.parent.name):
        with suppress(OSError):
            path.parent.rmdir()  # its last file has left it
    for folder in {path.parent, to.parent}:
        if folder.exists():
            sync_path(folder)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):  # folders of the store may be read-only
            with suppress(OSError):
                Path(folder).chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _commit(project: Project, change: FileChange) -> None:
    root = project.path(change.repository)
    if not (root / ".git").exists():
        _carry_out(project, change)
        return
    repository = EventRepo(root, root, project=project)
    repository.move(project.path(change.path), project.path(change.to), change.message)
