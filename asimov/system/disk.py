"""Wait until files are on disk: one by one, or many together."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Collection
from pathlib import Path

from asimov.system.mounts import on_network

#: For more paths than this, one wait for their whole file system is quicker.
MANY = 20
#: From this release on, Linux says of a whole file system whether all of it could be written.
#: Source: syncfs(2), "Versions".
_SAYS_SO = (5, 8)


def sync_path(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_together(paths: Collection[Path]) -> dict[Path, OSError]:
    """Wait until files and folders of one file system are on disk.

    Many share one wait where the file system is local: there the kernel answers for all of it.

    Parameters
    ----------
    paths
        The files and folders; they are synced in their order unless they share a wait.

    Returns
    -------
    dict
        Why some could not be synced.
    """
    if len(paths) > MANY and _answers_for_all(next(iter(paths))):
        return {}
    failed: dict[Path, OSError] = {}
    for path in paths:
        try:
            sync_path(path)
        except OSError as error:
            failed[path] = error
    return failed


def _answers_for_all(path: Path) -> bool:
    """Sync the file system of a path; return whether it is certain that all is on disk."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if release is None or tuple(map(int, release.groups())) < _SAYS_SO or on_network(path):
        return False
    return sync_file_system(path)


def sync_file_system(path: Path) -> bool:
    """Write all of a path's file system to disk; return whether the system reports no error."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return bool(ctypes.CDLL(None).syncfs(handle) == 0)
    except AttributeError:  # not Linux
        os.sync()
        return False
    finally:
        os.close(handle)
