"""A subject's folder in a git repository: find and commit its analyses' configuration files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asimov.discovery import extensions
from asimov.errors import AsimovError
from asimov.logs import logger
from asimov.project.git import commits, locks
from asimov.project.git.addresses import ALLOWED, check_place, check_url
from asimov.project.git.refusals import last_line, refusal
from asimov.project.git.trust import is_trusted
from asimov.project.layout import Project
from asimov.rendering.access import reads
from asimov.system.files import new_folder, unwritable

if TYPE_CHECKING:
    import git


class AsimovFileNotFound(AsimovError, FileNotFoundError):  # noqa: N818  (plugins import this name)
    """A file that should be in a repository is not there."""


class EventRepo:
    """A subject's part of a git repository.

    Parameters
    ----------
    directory
        The folder of the subject's files, absolute. The repository is found at or above it.
    root
        The repository's own folder; made, with a repository in it, by the first commit.
    url
        Where to clone the repository from, if anywhere.
    project
        The project that it belongs to, if any. The repository of a shared project is open to its
        group, and may belong to another user.
    reading
        Whether to read it only: none is then made or cloned.
    """

    #: What a project's templates may read; see `asimov.rendering.access`.
    for_templates: ClassVar[dict[str, str]] = reads("directory", "find_prods")

    def __init__(
        self,
        directory: str | Path,
        root: Path | None = None,
        url: str | None = None,
        *,
        project: Project | None = None,
        reading: bool = False,
    ):
        extensions.extend(EventRepo, "repository")
        self._directory = Path(directory).absolute()
        self._root = root or self._directory
        self._url = url
        self._reading = reading
        self._project = project
        self._expected: set[Path] = set()

    @property
    def directory(self) -> str:
        """The folder of the subject's files, absolute."""
        return str(self._directory)

    @property
    def root(self) -> Path:
        """The repository's folder."""
        return self._root

    @cached_property
    def repository(self) -> git.Repo:
        """The repository; cloned or made if it does not exist yet.

        Raises
        ------
        AsimovError
            If that fails, or git is not installed.
        """
        try:
            import git
        except ImportError as error:
            raise AsimovError(
                f"git can't be used: {error}",
                hint="install git, or repair it so that 'git --version' works",
            ) from error
        if self._project is not None:
            check_place(self._root, self._project)
        try:
            if self._is_made():
                return self._opened()
            if self._reading:
                raise AsimovError(
                    "does not exist yet, and a dry run creates nothing",
                    where=self._root / ".git",
                    hint="'asimov manage build' creates it",
                )
            # In a temporary folder first: a part of one would be taken for a repository.
            if self._url:
                check_url(self._url)
                with new_folder(self._root.parent) as folder:
                    if not self._is_made():
                        git.Repo.clone_from(self._url, folder / "clone", env=ALLOWED).close()
                        (folder / "clone").rename(self._root)
                return self._opened()
            with new_folder(self._root) as folder:
                if not self._is_made():
                    git.Repo.init(folder).close()
                    if self._project is not None and self._project.shared:
                        share_repository(folder)
                    (folder / ".git").rename(self._root / ".git")
            return self._opened()
        except OSError as error:
            raise unwritable(error, self._root, "can't be created") from error
        except git.InvalidGitRepositoryError as error:
            raise AsimovError(
                "git does not recognise this as a repository",
                where=self._root / ".git",
                hint="restore it from a backup, or move it aside and asimov creates a new one",
            ) from error
        except git.GitError as error:
            raise refusal(error, self._root) from error

    def _is_made(self) -> bool:  # checked again in `new_folder`, which may wait for others
        return (self._root / ".git").exists()

    def _opened(self) -> git.Repo:
        import git

        repository = git.Repo(self._root)
        if self._project is not None and is_trusted(self._project, self._root):
            # An option in the environment counts as the user's own configuration.
            number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
            repository.git.update_environment(
                **{
                    "GIT_CONFIG_COUNT": str(number + 1),
                    f"GIT_CONFIG_KEY_{number}": "safe.directory",
                    f"GIT_CONFIG_VALUE_{number}": str(self._root.resolve()),
                }
            )
        return repository

    def ensure(self) -> None:
        """Clone the repository if it has an address and is not here yet."""
        if self._url and not self._reading:
            _ = self.repository

    def commit(
        self, paths: Iterable[Path], message: str, report: Callable[[str], None] | None = None
    ) -> str | None:
        """Commit files as they are in the work tree.

        Locks left by a build that was killed are removed first.

        Parameters
        ----------
        paths
            The files, absolute.
        message
            The commit message.
        report
            Called with a line for each lock that was removed; by default it goes to the log.

        Returns
        -------
        str or None
            The hash of the commit; None if no file differs from what is committed.

        Raises
        ------
        AsimovError
            If it fails, with git's own words.
        """
        if not (names := [str(path.relative_to(self._root)) for path in paths]):
            return None
        repo = self.repository
        import git

        folder, tree = (Path(each).resolve() for each in (repo.common_dir, repo.git_dir))
        try:
            with (
                locks.at_work(folder, tree, report or logger().warning) as token,
                # Literal: a star or a colon in a name means itself.
                repo.git.custom_environment(GIT_LITERAL_PATHSPECS="1", **token),
            ):
                return commits.commit(repo, names, message)
        except git.GitCommandError as error:
            raise locks.blocking(folder, str(error.stderr)) or refusal(error, self._root) from error

    def move(self, old: Path, new: Path, message: str) -> None:
        """Move a file or folder, and commit that; a move that was interrupted is completed.

        Parameters
        ----------
        old, new
            Its path before and after, absolute.
        message
            The commit message.

        Raises
        ------
        AsimovError
            If it can't be moved or committed.
        """
        names = [str(each.relative_to(self._root)) for each in (old, new)]
        repo = self.repository
        import git

        folder, tree = (Path(each).resolve() for each in (repo.common_dir, repo.git_dir))
        try:
            with (
                locks.at_work(folder, tree, logger().warning) as token,
                repo.git.custom_environment(GIT_LITERAL_PATHSPECS="1", **token),
            ):
                if os.path.lexists(old):
                    if os.path.lexists(new):
                        raise AsimovError("something already exists there", where=new)
                    new.parent.mkdir(parents=True, exist_ok=True)
                    old.rename(new)
                commits.commit_move(repo, names[0], names[1], message)
        except OSError as error:
            raise unwritable(error, old, "can't be moved") from error
        except git.GitCommandError as error:
            raise locks.blocking(folder, str(error.stderr)) or refusal(error, self._root) from error

    def add_file(
        self, source: str | Path, destination: str | Path, commit_message: str | None = None
    ) -> None:
        """Copy a file into the subject's folder and commit it.

        Parameters
        ----------
        source
            The file.
        destination
            Its path in the subject's folder.
        commit_message
            The commit message.
        """
        target = self._directory / destination
        target.parent.mkdir(parents=True, exist_ok=True)
        if Path(source).absolute() != target:
            shutil.copyfile(source, target)
        self.commit([target], commit_message or f"Add {destination}")

    def find_prods(
        self, name: str | None = None, category: str | None = "analyses", update: bool = False
    ) -> list[str]:
        """Return the absolute paths of the configurations of an analysis, or of all.

        Parameters
        ----------
        name
            The analysis; None means all of the category.
        category
            A folder in the subject's folder; None means the subject's folder itself.
        update
            Ignored; accepted for packages that pass it. Nothing is fetched.

        Returns
        -------
        list of str
            Empty if there is none yet, unless one is about to be made (see `expecting`).
        """
        folder = self._directory / (category or "")
        if name is None:
            return [str(path) for path in sorted(folder.glob("*.ini"))]
        path = folder / f"{name}.ini"
        return [str(path)] if path.exists() or path in self._expected else []

    @contextmanager
    def expecting(self, path: str | Path) -> Iterator[None]:
        """Let `find_prods` find a configuration, within the block, that is made right after it.

        Packages ask for its path before it exists, to look for other files in the same folder.
        """
        self._expected.add(Path(path))
        try:
            yield
        finally:
            self._expected.discard(Path(path))

    def find_file(self, pattern: str, category: str | None = "analyses") -> str:
        """Return the absolute path of the first file, by name, that matches a pattern.

        Parameters
        ----------
        pattern
            The file's name, with ``*`` and ``?``.
        category
            A folder in the subject's folder; None means the subject's folder itself.

        Raises
        ------
        AsimovFileNotFound
            If there is none. It is a `FileNotFoundError`.
        """
        folder = self._directory / (category or "")
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if not found:
            raise AsimovFileNotFound(f"has no file {pattern!r}", where=folder)
        return str(found[0])


def share_repository(root: Path) -> None:
    """Configure a repository so that git lets its group write to new files.

    Raises
    ------
    AsimovError
        If it fails, with git's own words.
    """
    import git

    try:
        with git.Repo(root).config_writer() as config:
            config.set_value("core", "sharedRepository", "group")
    except (git.GitError, OSError) as error:
        raise AsimovError(f"git: {last_line(error)}", where=root) from error
