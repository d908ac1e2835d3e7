"""The commit that a repository is at, read from its files, which is quicker than asking git."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def head_of(root: Path) -> str:
    """Return the commit of a repository's head; an empty text if there is none yet.

    Source of the format: gitrepository-layout(5).

    Parameters
    ----------
    root
        The repository's folder.
    """
    folder = root / ".git"
    with suppress(OSError):
        if folder.is_file():  # a worktree, or a submodule
            folder = root / folder.read_text().removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head
        name = head.removeprefix("ref:").strip()
        with suppress(FileNotFoundError):  # a worktree has the branches of its repository
            folder /= (folder / "commondir").read_text().strip()
        with suppress(FileNotFoundError):
            return (folder / name).read_text().strip()
        for line in (folder / "packed-refs").read_text().splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name:
                return commit
    return ""
