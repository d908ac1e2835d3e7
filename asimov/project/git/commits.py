"""Commit files with git, without running any program that the repository names."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from asimov.system.files import memory_file, unwritable

if TYPE_CHECKING:
    import git

#: Options that stop git from running programs that a repository names: hooks and a file monitor.
NO_PROGRAMS: tuple[str, ...] = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")


def commit(repo: git.Repo, names: list[str], message: str) -> str | None:
    """Commit files as they are in the work tree, and nothing else that is staged.

    Parameters
    ----------
    repo
        The repository.
    names
        The files, relative to its folder.
    message
        The commit message.

    Returns
    -------
    str or None
        The hash of the commit; None if no file differs from what is committed.

    Raises
    ------
    git.GitCommandError
        If git refuses.
    AsimovError
        If a temporary file can't be written.
    """
    listed = "\0".join(names)
    files = ["--pathspec-from-file=-", "--pathspec-file-nul"]
    try:
        _feed(repo, listed, "add", "--force", *files)
        look = ("diff", "--cached", "--name-only", "--no-renames", "-z")
        staged = str(repo.git.execute(["git", *NO_PROGRAMS, *look])).split("\0")
        if not set(staged).intersection(names):
            return None
        # What else a person has staged stays out of this commit. The message goes through a file:
        # it may be too long for one argument.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as text:
            text.write(message)
            text.flush()
            _feed(
                repo, listed, *_author(repo), "commit", "--quiet", "--no-verify",
                "--no-gpg-sign", "--file", text.name, *files,
            )  # fmt: skip
    except OSError as error:  # of the files that pass paths and message to git
        raise unwritable(error, Path(tempfile.gettempdir())) from error
    return str(repo.head.commit.hexsha)


def commit_move(repo: git.Repo, old: str, new: str, message: str) -> None:
    """Commit that a file or folder has moved, and nothing else; what was not committed stays so.

    Parameters
    ----------
    repo
        The repository.
    old, new
        Its path before and after, relative to the repository's folder.
    message
        The commit message.

    Raises
    ------
    git.GitCommandError
        If git refuses.
    """
    tree = ("ls-tree", "-r", "-z", "--name-only", "HEAD", "--", old)
    known = repo.git.execute(["git", *NO_PROGRAMS, *tree], with_exceptions=False)
    gone = [name for name in str(known).split("\0") if name]
    if not gone:
        return
    root = Path(str(repo.working_tree_dir))
    made = [new + name.removeprefix(old) for name in gone]
    made = [name for name in made if (root / name).exists()]
    rest = ["--pathspec-from-file=-", "--pathspec-file-nul"]
    _feed(repo, "\0".join(gone), "rm", "--cached", "--quiet", "--ignore-unmatch", *rest)
    if made:
        _feed(repo, "\0".join(made), "add", "--force", *rest)
    _feed(
        repo, "\0".join([*gone, *made]), *_author(repo), "commit", "--quiet", "--no-verify",
        "--no-gpg-sign", "-m", message, *rest,
    )  # fmt: skip


def _feed(repo: git.Repo, text: str, *arguments: str) -> None:
    """Run git with a text on its standard input: the paths may not fit on a command line."""
    with memory_file() as stream:
        stream.write(text.encode())
        stream.seek(0)
        repo.git.execute(["git", *NO_PROGRAMS, *arguments], istream=stream)


def _author(repo: git.Repo) -> list[str]:
    """Return options that name an author if the user has not configured one."""
    # Ask git itself: GitPython does not read every file that git reads.
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
