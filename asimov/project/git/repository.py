"""The git repositories that hold rendered configurations."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asimov import extensions
from asimov.errors import AsimovError, ReportedError
from asimov.logs import logger
from asimov.project.git import locks
from asimov.project.git.addresses import ALLOWED, check_place, check_url
from asimov.project.git.trust import is_trusted
from asimov.rendering.access import reads
from asimov.system.files import DiskFullError, is_full, memory_file, new_folder, unwritable
from asimov.system.users import owner_of

if TYPE_CHECKING:
    import git

    from asimov.layout import Project


#: What there is to do about a refusal of git's, by a part of its words.
_HINTS = {
    "partial commit during": "finish or abort that there; the next pass tries again",
    "index file": "remove '.git/index' there and run 'git reset'; no commit is lost",
    "corrupt": "'git fsck' there names all that is damaged; restore it from a copy, or move "
    "'.git' away: a new one is made",
}
_HINTS |= dict.fromkeys(("is empty", "bad object", "broken"), _HINTS["corrupt"])

#: Options by which git runs no program that a repository names: hooks, and a monitor of files.
NO_PROGRAMS: tuple[str, ...] = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")


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
        Where the repository is cloned from, if anywhere.
    project
        The project that it belongs to, if any: a shared one's repository is for its group, and may
        be another user's.
    reading
        Whether it is only read: none is then made or cloned.
    """

    #: What templates of a project may read, see `asimov.rendering.access`.
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
        """The repository; cloned or made where it is not there yet.

        Raises
        ------
        AsimovError
            Where that fails, or git is not installed.
        """
        try:
            import git
        except ImportError as error:
            raise AsimovError(f"git can't be used: {error}", hint="install git") from error
        if self._project is not None:
            check_place(self._root, self._project)
        try:
            if self._is_made():
                return self._opened()
            if self._reading:
                raise AsimovError(
                    "is not there yet, and a dry run makes none",
                    where=self._root / ".git",
                    hint="'asimov manage build' makes it",
                )
            # Beside it first: half of one would be taken for a repository.
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
            raise unwritable(error, self._root, "can't be made") from error
        except git.InvalidGitRepositoryError as error:
            raise AsimovError(
                "git does not take it for a repository",
                where=self._root / ".git",
                hint="restore it from a copy, or move it away: a new one is made",
            ) from error
        except git.GitError as error:
            raise self._refusal(error) from error

    def _is_made(self) -> bool:  # asked again in `new_folder`, which may wait for others
        return (self._root / ".git").exists()

    def _opened(self) -> git.Repo:
        import git

        repository = git.Repo(self._root)
        if self._project is not None and is_trusted(self._project, self._root):
            # What is given for one command counts as if it were in the user's own configuration.
            number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
            repository.git.update_environment(
                **{
                    "GIT_CONFIG_COUNT": str(number + 1),
                    f"GIT_CONFIG_KEY_{number}": "safe.directory",
                    f"GIT_CONFIG_VALUE_{number}": str(self._root.resolve()),
                }
            )
        return repository

    def _refusal(self, error: Exception) -> ReportedError:
        """Return the error for people, in git's words; those may leave out that a disk is full."""
        words = _words(error)
        if locks.was_killed(error):
            again = "run the command again: it removes what git has left"
            return AsimovError("git was killed", where=self._root, hint=again)
        if "dubious ownership" in str(getattr(error, "stderr", "")):
            whose = owner_of(self._root / ".git")
            return AsimovError(
                f"git does not use it, since it belongs to {whose}",
                where=self._root,
                hint="see docs/sharing.md: in a shared project, 'asimov project trust USER' trusts "
                "its owner",
            )
        if "No space left" in words or is_full(self._root):
            return DiskFullError(self._root, f"the disk is full (git: {words})")
        hint = next((hint for part, hint in _HINTS.items() if part in words), None)
        return AsimovError(f"git: {words}", where=self._root, hint=hint)

    @property
    def url(self) -> str | None:
        """Where the repository is cloned from, if anywhere."""
        return self._url

    def ensure(self) -> None:
        """Make sure that a repository which is cloned from elsewhere is here."""
        if self._url and not self._reading:
            _ = self.repository

    def commit(
        self, paths: Iterable[Path], message: str, report: Callable[[str], None] | None = None
    ) -> str | None:
        """Commit files as they are in the work tree.

        Locks that a build which was killed has left are removed first.

        Parameters
        ----------
        paths
            The files, absolute.
        message
            Of the commit.
        report
            Takes a line for each lock that was removed; by default the log does.

        Returns
        -------
        str or None
            The commit's hash; None where no file differs from what is committed.

        Raises
        ------
        AsimovError
            In git's words where it fails.
        """
        if not (names := [str(path.relative_to(self._root)) for path in paths]):
            return None
        repo = self.repository
        import git

        folder, tree = (Path(each).resolve() for each in (repo.common_dir, repo.git_dir))
        try:
            with (
                locks.at_work(folder, tree, report or logger().warning) as token,
                # Literal: a name with a star or a colon in it is a name.
                repo.git.custom_environment(GIT_LITERAL_PATHSPECS="1", **token),
            ):
                return _commit(repo, names, message)
        except git.GitCommandError as error:
            raise locks.blocking(folder, str(error.stderr)) or self._refusal(error) from error

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
            Of the commit.
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
            The analysis; None stands for every one of the category.
        category
            The folder in the subject's folder; None is that one itself.
        update
            Taken, and without an effect: nothing is fetched for this.

        Returns
        -------
        list of str
            Empty where there is none yet, but for one that is about to be made (see `expecting`).
        """
        folder = self._directory / (category or "")
        if name is None:
            return [str(path) for path in sorted(folder.glob("*.ini"))]
        path = folder / f"{name}.ini"
        return [str(path)] if path.exists() or path in self._expected else []

    @contextmanager
    def expecting(self, path: str | Path) -> Iterator[None]:
        """Have `find_prods` find a configuration in the block that is made right after it.

        Packages ask for its place before it is there, to look for other files beside it.
        """
        self._expected.add(Path(path))
        try:
            yield
        finally:
            self._expected.discard(Path(path))

    def find_file(self, pattern: str, category: str | None = "analyses") -> str:
        """Return the absolute path of a file of a category, the first by name that matches.

        Parameters
        ----------
        pattern
            Of the file's name, with ``*`` and ``?``.
        category
            The folder in the subject's folder; None is that one itself.

        Raises
        ------
        AsimovFileNotFound
            Where there is none. It is a `FileNotFoundError`.
        """
        folder = self._directory / (category or "")
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if not found:
            raise AsimovFileNotFound(f"has no file {pattern!r}", where=folder)
        return str(found[0])


def _commit(repo: git.Repo, names: list[str], message: str) -> str | None:
    listed = "\0".join(names)
    files = ["--pathspec-from-file=-", "--pathspec-file-nul"]
    try:
        _feed(repo, listed, "add", "--force", *files)
        look = ("diff", "--cached", "--name-only", "--no-renames", "-z")
        staged = str(repo.git.execute(["git", *NO_PROGRAMS, *look])).split("\0")
        if not set(staged).intersection(names):
            return None
        # Other things that a person has staged stay out of asimov's commit. The message goes by a
        # file: it may be longer than one argument can be.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as text:
            text.write(message)
            text.flush()
            _feed(
                repo, listed, *_author(repo), "commit", "--quiet", "--no-verify",
                "--no-gpg-sign", "--file", text.name, *files,
            )  # fmt: skip
    except OSError as error:  # the files by which git is told of paths and message
        raise unwritable(error, Path(tempfile.gettempdir())) from error
    return str(repo.head.commit.hexsha)


def share_repository(root: Path) -> None:
    """Have git let a repository's group write to what it makes there.

    Raises
    ------
    AsimovError
        In git's words where it fails.
    """
    import git

    try:
        with git.Repo(root).config_writer() as config:
            config.set_value("core", "sharedRepository", "group")
    except (git.GitError, OSError) as error:
        raise AsimovError(f"git: {_words(error)}", where=root) from error


def _feed(repo: git.Repo, text: str, *arguments: str) -> None:
    """Run git with a text on its standard input: more paths than fit on a command line."""
    with memory_file() as stream:
        stream.write(text.encode())
        stream.seek(0)
        repo.git.execute(["git", *NO_PROGRAMS, *arguments], istream=stream)


def _author(repo: git.Repo) -> list[str]:
    """Return options that name an author where the user has not told git of one."""
    # Git is asked, since GitPython does not read every file that git reads.
    known = repo.git.execute(
        ["git", "config", "--name-only", "--get-regexp", r"^user\.(name|email)$"],
        with_exceptions=False,
    ).split()
    options = []
    if "user.name" not in known:
        options += ["-c", "user.name=asimov"]
    if "user.email" not in known:
        options += ["-c", "user.email=asimov@localhost"]
    return options


def _words(error: Exception) -> str:
    text = str(getattr(error, "stderr", "") or error).strip()
    lines = [words for line in text.splitlines() if (words := line.strip(" '"))]
    return lines[-1] if lines else type(error).__name__
