"""The content of a file as it was in a commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def content_at(path: Path, commit: str) -> bytes | None:
    """Return a file's content in a commit of its repository; None if that can't be found out.

    Parameters
    ----------
    path
        The file; it need not exist any more, but its folder must.
    commit
        The commit, in full.
    """
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) or not path.parent.is_dir():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(path.parent), "cat-file", "blob", f"{commit}:./{path.name}"],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
