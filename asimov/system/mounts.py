"""Detect network file systems."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: How their types begin in ``/proc/self/mounts``. What is behind FUSE is unknown.
_NETWORK = ("nfs", "lustre", "gpfs", "cifs", "smb", "beegfs", "ceph", "afs", "fuse", "9p", "panfs")
#: A space, a tab, a newline or a backslash in the name of a mount point.
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def on_network(path: Path) -> bool:
    """Return whether other machines may use the file system of a path as well.

    SQLite's write-ahead log needs memory shared by all its users, so it does not work there.
    """
    try:
        mounts = Path("/proc/self/mounts").read_bytes()
    except OSError:
        return False
    return file_system(path.resolve(), mounts).startswith(_NETWORK)


def file_system(path: Path, mounts: bytes) -> str:
    """Return the type of the file system that holds a path; empty if no mount contains it.

    Parameters
    ----------
    path
        The path, absolute and without links.
    mounts
        The mounts, as ``/proc/self/mounts`` lists them.
    """
    best, kind = b"", b""
    where = os.fsencode(path)
    for line in mounts.splitlines():
        _, point, found, *_ = line.split(b" ")
        point = _ESCAPED.sub(lambda code: bytes([int(code[1], 8)]), point)
        inside = where == point or where.startswith(point.rstrip(b"/") + b"/")
        # A later mount hides an earlier one at the same place.
        if inside and len(point) >= len(best):
            best, kind = point, found
    return os.fsdecode(kind)
