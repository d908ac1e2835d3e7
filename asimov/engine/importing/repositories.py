"""Clone the git repositories of imported subjects; the originals are only read.

A subject keeps a repository of its own, with its whole history. It is cloned rather than used where
it is: builds here then never write to the old project, and options of its configuration, which
can name programs, stay behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from asimov.errors import AsimovError
from asimov.project.git.commits import NO_PROGRAMS
from asimov.project.git.refusals import last_line
from asimov.project.layout import Project
from asimov.system.files import new_folder, unwritable


def place(project: Project, subject: str) -> Path:
    """Return where the repository of a subject's own is, beside the project's."""
    return project.checkouts.with_name(f"{project.checkouts.name}-own") / subject


def uncommitted(repository: Path) -> list[str]:
    """Return the files of a repository that differ from its last commit or are not in it.

    Raises
    ------
    AsimovError
        If git can't read it.
    """
    import git

    try:
        with git.Repo(repository) as repo:
            # Not even the index is refreshed on disk.
            quiet = {"GIT_OPTIONAL_LOCKS": "0"}
            command = ["git", *NO_PROGRAMS, "status", "--porcelain", "-z"]
            lines = str(repo.git.execute(command, env=quiet))
            return [line[3:] for line in lines.split("\0") if line]
    except (git.GitError, OSError) as error:
        raise AsimovError(f"git can't read it: {last_line(error)}", where=repository) from error


def clone(project: Project, repositories: Mapping[str, Path]) -> list[Path]:
    """Clone repositories into the project; return the new folders.

    Parameters
    ----------
    project
        The project.
    repositories
        The repositories by subject.

    Raises
    ------
    AsimovError
        If one can't be cloned, or its place is taken. Nothing is left behind then.
    """
    made: list[Path] = []
    try:
        for subject, source in repositories.items():
            made.append(_clone(source, place(project, subject)))
    except BaseException:
        remove(made)
        raise
    return made


def _clone(source: Path, target: Path) -> Path:
    import git

    try:
        if target.exists():
            _remove_earlier(target, source)
        with new_folder(target.parent) as folder:
            # Its own copies of all objects: links would change their count in the original.
            git.Repo.clone_from(str(source), folder / "clone", no_hardlinks=True).close()
            (folder / "clone").rename(target)
    except git.GitError as error:
        raise AsimovError(f"can't be cloned: {last_line(error)}", where=source) from error
    except OSError as error:
        raise unwritable(error, target, "can't be created") from error
    return target


def remove(folders: list[Path]) -> None:
    """Remove clones that were just made, because the import failed."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_earlier(target: Path, source: Path) -> None:
    """Remove the clone that an interrupted import left; refuse anything else."""
    import git

    try:
        with git.Repo(target) as repo:
            same = [each.url for each in repo.remotes] == [str(source)]
    except git.GitError:
        same = False
    if not same:
        raise AsimovError(
            "already exists, but the repository of a subject has to be cloned here",
            where=target,
            hint="move or rename it",
        )
    shutil.rmtree(target)
