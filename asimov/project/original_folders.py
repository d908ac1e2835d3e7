"""Find folders that a copied project still shares with its original.

A link or an absolute path in the copy leads to the same folder as in the original. Whatever the
copy moved or wrote there would be the original's, whose jobs may be running in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.layout import Project

_OPTIONS = ("general/rundir_default", "general/git_default", "storage/directory",
            "logging/location", "ledger/location")  # fmt: skip


def refuse_shared(project: Project, keys: Iterable[Key]) -> None:
    """Refuse a copy that has folders in common with its original.

    Parameters
    ----------
    project
        The copy.
    keys
        Its analyses.

    Raises
    ------
    AsimovError
        If one of its folders, or of its analyses' folders, is outside the copy.
    """
    for option in _OPTIONS:
        folder = Path(os.path.normpath(project.root / project.config.get(*option.split("/"))))
        if not folder.is_relative_to(project.root):
            raise AsimovError(
                f"is still {folder}, which is outside this copy and may belong to the original",
                where=f"configuration: {option}",
                hint=f"choose a folder in the copy with 'asimov configuration update {option} "
                "FOLDER', then run 'asimov project copied' again",
            )
    keys = list(keys)
    for path in (project.state, project.checkouts, project.logs, project.ledger):
        _check_link(project, path)
    for parent in (project.working, project.results):
        for path in _folders(parent, keys):
            _check_link(project, path)


def is_inside(project: Project, path: Path) -> bool:
    """Return whether a file is inside the project once links are resolved."""
    return path.parent.resolve().is_relative_to(project.root.resolve())


def _check_link(project: Project, path: Path) -> None:
    target = path.resolve()
    if not target.is_relative_to(project.root.resolve()):
        raise AsimovError(
            f"a link in this copy leads to {target}, outside it, which may belong to the original",
            where=path,
            hint="replace the link with a folder, empty or with a copy of what is there; "
            "then run 'asimov project copied' again",
        )


def _folders(parent: Path, keys: Iterable[Key]) -> Iterator[Path]:
    """Yield a folder, and the subject and analysis folders in it that are links."""
    yield parent
    subjects = set()
    for subject, name in keys:
        folder = parent / subject
        if subject not in subjects:
            subjects.add(subject)
            if folder.is_symlink():
                yield folder
        if (folder / name).is_symlink():
            yield folder / name
