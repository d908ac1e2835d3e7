"""The files that SQLite keeps beside a database, and what shuts one out of them.

SQLite gives them the permissions that the database has at that moment. They outlive a process that
was killed, and so one that was killed while the database was read-only leaves files that nobody can
write to, although the database has its permissions back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asimov.system.users import owner_of


def admit(database: Path) -> None:
    """Give the companions of a database its permissions, as far as this user owns them."""
    with suppress(OSError):
        wanted = database.stat().st_mode & 0o777
        for path in _companions(database):
            status = path.stat()
            if status.st_uid == os.geteuid() and wanted & ~status.st_mode:
                path.chmod(status.st_mode & 0o777 | wanted)


def barred(database: Path) -> tuple[Path, str] | None:
    """Return a companion that this user may not write to, and what to do; None without one."""
    if not os.access(database, os.R_OK | os.W_OK):
        return None
    for path in _companions(database):
        if not os.access(path, os.R_OK | os.W_OK):
            return path, f"its owner, {owner_of(path)}, can mend that: chmod ug+rw {path}"
    return None


def _companions(database: Path) -> Iterator[Path]:
    for end in ("-wal", "-shm", "-journal"):
        path = Path(f"{database}{end}")
        if path.exists():
            yield path
