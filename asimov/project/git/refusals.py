"""Errors for what git refuses to do, each with a hint."""

from __future__ import annotations

from pathlib import Path

from asimov.errors import AsimovError, ReportedError
from asimov.project.git import locks
from asimov.system.files import DiskFullError, is_full
from asimov.system.users import owner_of

#: What to do about a refusal, by a part of git's words.
_HINTS = {
    "partial commit during": "finish or abort that operation there; the next pass of "
    "'asimov monitor' tries again",
    "index file": "remove '.git/index' there and run 'git reset'; no commit is lost",
    "corrupt": "'git fsck' there lists all damage; restore the repository from a backup, "
    "or move '.git' aside and asimov creates a new one",
}
_HINTS |= dict.fromkeys(("is empty", "bad object", "broken"), _HINTS["corrupt"])


def refusal(error: Exception, root: Path) -> ReportedError:
    """Return the error to report when git fails in a repository, with git's own words.

    Parameters
    ----------
    error
        What GitPython raised. It may not mention that the disk is full.
    root
        The repository's folder.
    """
    words = last_line(error)
    if locks.was_killed(error):
        again = "run the command again: it removes what git left behind"
        return AsimovError("git was killed", where=root, hint=again)
    if "dubious ownership" in str(getattr(error, "stderr", "")):
        whose = owner_of(root / ".git")
        return AsimovError(
            f"git refuses to use it, because it belongs to {whose}",
            where=root,
            hint=f"in a shared project, 'asimov project trust {whose}' makes git accept it; "
            "docs/sharing.md explains",
        )
    if "No space left" in words or is_full(root):
        return DiskFullError(root, f"the disk is full (git: {words})")
    hint = next((hint for part, hint in _HINTS.items() if part in words), None)
    return AsimovError(f"git: {words}", where=root, hint=hint)


def last_line(error: Exception) -> str:
    """Return the last line that git printed, which has the cause; else the error's own."""
    text = str(getattr(error, "stderr", "") or error).strip()
    lines = [words for line in text.splitlines() if (words := line.strip(" '"))]
    return lines[-1] if lines else type(error).__name__
