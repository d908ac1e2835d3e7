"""Copy a whole project to another folder, as a project of its own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project import copies
from asimov.project.layout import Project, find
from asimov.text import line


def clone(folder: Path, target: Path) -> tuple[Project, list[Key]]:
    """Copy a project; nothing of the original changes, and it may be at work meanwhile.

    The journal is copied first: what changes afterwards is in no state of the copy. Jobs stay with
    the original, as `asimov.project.copies.copied` says.

    Parameters
    ----------
    folder
        The project's.
    target
        The folder to make.

    Returns
    -------
    Project
        The copy.
    list of Key
        The analyses whose jobs stay with the original.

    Raises
    ------
    AsimovError
        If the folder is no project, the target exists or is in the project, or something can't be
        copied; nothing is left then.
    """
    source = find(folder)
    if source.root != folder.resolve():
        raise AsimovError(
            "is not the root of a project",
            where=folder,
            hint=f"use the project's root: {line(str(source.root))}",
        )
    target = target.absolute()
    if os.path.lexists(target):
        raise AsimovError("already exists", where=line(str(target)), hint="choose a new folder")
    if Path(os.path.realpath(target)).is_relative_to(os.path.realpath(source.root)):
        raise AsimovError(
            "is inside the project", where=line(str(target)), hint="choose a folder outside of it"
        )
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.mkdir(parents=True)
        (partial / source.state.relative_to(source.root)).mkdir()
        _copy_database(source.journal, partial / source.journal.relative_to(source.root))
        shutil.copytree(
            source.root,
            partial,
            symlinks=True,
            ignore=_left_out(source),
            copy_function=_keeping_links(),
            dirs_exist_ok=True,
        )
        partial.rename(target)
    except (OSError, sqlite3.Error) as error:  # shutil.Error is an OSError
        _remove(partial)
        first = error.args[0][0] if isinstance(error, shutil.Error) else error
        raise AsimovError(f"can't be copied: {line(str(first))}", where=source.root) from error
    try:
        return find(target), copies.copied(find(target))
    except BaseException:
        _remove(target)
        raise


def _copy_database(database: Path, target: Path) -> None:
    """Copy a database as it is at one moment, also while it is written to."""
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _left_out(source: Project) -> Callable[[str, list[str]], set[str]]:
    """Return what leaves out the journal, the queue of local jobs, and what is no file."""
    journal, queue = source.journal, source.state / "local"

    def ignore(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        return {
            name
            for name in names
            if here / name == queue
            or (here == journal.parent and name.startswith(journal.name))
            or not _is_copied(here / name)
        }

    return ignore


def _is_copied(path: Path) -> bool:
    try:
        kind = path.lstat().st_mode
    except OSError:  # the project is at work
        return False
    return stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)


def _keeping_links() -> Callable[[str, str], str]:
    """Return a copying function that links names of one file, as in the results store."""
    known: dict[tuple[int, int], str] = {}

    def copy(source: str, target: str) -> str:
        try:
            status = os.lstat(source)
        except FileNotFoundError:  # gone by now
            return target
        file = status.st_dev, status.st_ino
        if status.st_nlink > 1 and file in known:
            os.link(known[file], target, follow_symlinks=False)
            return target
        known[file] = target
        return str(shutil.copy2(source, target, follow_symlinks=False))

    return copy


def _remove(folder: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(folder)
