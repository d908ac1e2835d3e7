"""Let a group of users act in a project: the permissions of its files.

A file belongs to whoever wrote it last, so a group needs the right to write, and new files must
belong to that group.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from asimov.project.layout import Project

#: Open a file without reading it, and without following a link.
_NAME_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def let_group_write() -> None:
    """Make new files of this process writable for their group."""
    os.umask(os.umask(0) & ~0o070)


class Given(NamedTuple):
    """Files that were left alone when a project was given to a group.

    Attributes
    ----------
    refused
        Files of other users, which could not be changed.
    private
        Files that only their owner may read, such as proxies and tokens.
    """

    refused: list[Path]
    private: list[Path]


def give_to_group(project: Project, group: int | None = None) -> Given:
    """Give a group the permissions that the owners of a project's files have.

    Files that only their owner may read stay private, except in the folders that asimov itself
    writes: there a narrow umask is the cause, and nobody could use the project without them.

    Parameters
    ----------
    project
        The project.
    group
        The number of the group; None keeps the group of each file.
    """
    given = Given([], [])
    checkouts = project.checkouts
    own = {project.state, project.ledger, project.results, project.logs, checkouts}
    own.add(checkouts.with_name(f"{checkouts.name}-own"))
    inside: set[str] = set()
    _give(project.root.parent, project.root.name, None, group, given)
    for folder, names, files, handle in os.fwalk(project.root):
        if Path(folder) in own or os.path.dirname(folder) in inside:  # noqa: PTH120
            inside.add(folder)
        whole = folder in inside
        for name in (*names, *files):
            _give(Path(folder), name, handle, group, given, whole=whole)
    return given


def _give(
    folder: Path, name: str, handle: int | None, group: int | None, given: Given,
    *, whole: bool = False,
) -> None:  # fmt: skip
    """Give a file to a group, unless it is a link; `handle` is that of its open folder."""
    path = folder / name
    try:
        # Change what was opened: meanwhile the name may have become a link to any other file.
        opened = os.open(name if handle is not None else path, _NAME_ONLY, dir_fd=handle)
        try:
            status = os.fstat(opened)
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                return
            if stat.S_ISREG(status.st_mode) and mode in {0o600, 0o400} and not whole:
                given.private.append(path)
                return
            wanted = mode | (mode & 0o700) >> 3
            # In a folder with S_ISGID, new files get the group of the folder.
            wanted |= stat.S_ISGID if stat.S_ISDIR(status.st_mode) else 0
            file = f"/proc/self/fd/{opened}"
            other = group is not None and status.st_gid != group
            if other:
                os.chown(file, -1, group or 0)
            if other or wanted != mode:
                os.chmod(file, wanted)  # noqa: PTH101
        finally:
            os.close(opened)
    except FileNotFoundError:
        return
    except OSError:
        given.refused.append(path)
