"""Fix the permissions of the files that SQLite keeps beside a database (-wal, -shm, -journal).

SQLite creates them with the permissions that the database has at that moment, and they outlive a
killed process. So a process killed while the database was read-only leaves files that are still
read-only once the database is writable again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asimov.system.users import owner_of


def admit(database: Path) -> None:
    """Give the sidecar files of a database its permissions, if this user owns them."""
    with suppress(OSError):
        wanted = database.stat().st_mode & 0o777
        for path in _sidecars(database):
            status = path.stat()
            if status.st_uid == os.geteuid() and wanted & ~status.st_mode:
                path.chmod(status.st_mode & 0o777 | wanted)


def barred(database: Path) -> tuple[Path, str] | None:
    """Return a sidecar file that this user can't write to and what to do, or None."""
    if not os.access(database, os.R_OK | os.W_OK):
        return None
    for path in _sidecars(database):
        if not os.access(path, os.R_OK | os.W_OK):
            return path, f"its owner, {owner_of(path)}, can fix that: chmod ug+rw {path}"
    return None


def _sidecars(database: Path) -> Iterator[Path]:
    for end in ("-wal", "-shm", "-journal"):
        path = Path(f"{database}{end}")
        if path.exists():
            yield path
