"""Look up the names of users and of the owners of files."""

from __future__ import annotations

import pwd
from pathlib import Path


def user_name(number: int) -> str:
    """Return a user's name, or the number if the system has no name for it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def owner_of(path: Path) -> str:
    """Return the name of the user who owns a file.

    Raises
    ------
    OSError
        If there is no such file.
    """
    return user_name(path.stat().st_uid)
