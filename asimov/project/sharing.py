"""A project that several users act in: who may write to its files, and whose repositories are used.

Files belong to whoever wrote them last, so that a group has to have the right to write, and every
new file that group. Git uses no repository of another user, since its configuration may name
programs that would run. It is told to all the same where the project is the user's own, or is
shared and belongs to somebody whom the user has named as trusted, in a file that is the user's own.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asimov import configuration
from asimov.errors import AsimovError
from asimov.layout import Project
from asimov.system.users import user_name

#: The option of the user's own file that names the users whom this one trusts.
TRUSTED = ("sharing", "trusted")
#: To open a file for its number alone, where the system can: not to read it, and no link's target.
_BY_PATH = hasattr(os, "O_PATH")
_NAME_ONLY = getattr(os, "O_PATH", os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC


def let_group_write() -> None:
    """Have the files that this process makes from now on writable for their group."""
    os.umask(os.umask(0) & ~0o070)


class Given(NamedTuple):
    """What became of the files that a group was given.

    Attributes
    ----------
    refused
        Those of other users, which could not be changed.
    private
        Those that only their owner may read, such as proxies and tokens, which were left alone.
    """

    refused: list[Path]
    private: list[Path]


def give_to_group(project: Project, group: int | None = None) -> Given:
    """Let a group do in a project whatever the owners of its files may do.

    Files that only their owner may read stay so, except in the folders that asimov itself fills:
    there a narrow mask made them, and nobody could act in the project without them.

    Parameters
    ----------
    project
        The project.
    group
        The group's number; None is the one that each file has.
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
    """Give a file to a group, unless it is a link; `handle` is the open folder's."""
    path = folder / name
    try:
        # By what was opened: a link may take the name meanwhile, and lead to any other file.
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
            # New files in a folder with the mark S_ISGID get the folder's group.
            wanted |= stat.S_ISGID if stat.S_ISDIR(status.st_mode) else 0
            file = f"/proc/self/fd/{opened}" if _BY_PATH else opened
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


def trusted() -> list[str]:
    """Return the users whom this one trusts."""
    # Without the project's own file, which anybody could have written.
    return configuration.read().get(*TRUSTED, fallback="").replace(",", " ").split()


def trust(user: str) -> None:
    """Trust a user: keep that in this user's own configuration file.

    Raises
    ------
    AsimovError
        Where the system has no such user, or the file can't be written.
    """
    try:
        number = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise AsimovError(f"there is no user {user!r} on this machine") from None
    names = dict.fromkeys([*trusted(), user_name(number)])
    configuration.update_file(configuration.user_file(), {TRUSTED: " ".join(names)})


def is_trusted(project: Project, repository: Path) -> bool:
    """Say whether git may use a repository of a project although it is another user's."""
    root = project.root.resolve()
    if not repository.resolve().is_relative_to(root):
        return False
    try:
        owners = {path.stat().st_uid for path in (root, root / ".asimov")}
    except OSError:
        return False
    if owners == {os.getuid()}:
        return True
    return project.shared and owners <= {os.getuid(), *_numbers(trusted())}


def _numbers(users: list[str]) -> Iterator[int]:
    for user in users:
        try:
            yield int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        except KeyError:
            continue
