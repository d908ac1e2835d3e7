"""A project that several users act in: who may write to its files, and whose repositories are used.

Files belong to whoever wrote them last, so that a group has to have the right to write, and every
new file that group. Git uses no repository of another user, since its configuration may name
programs that would run. It is told to all the same where the project is the user's own, or is
shared and belongs to somebody whom the user has named as trusted, in a file that is the user's own.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from asimov import configuration
from asimov.errors import AsimovError
from asimov.project import Project
from asimov.users import user_name

#: The option of the user's own file that names the users whom this one trusts.
TRUSTED = ("sharing", "trusted")


def let_group_write() -> None:
    """Have the files that this process makes from now on writable for their group."""
    os.umask(os.umask(0) & ~0o070)


def give_to_group(root: Path, group: int | None = None) -> list[Path]:
    """Let a group do in a folder whatever the owners of its files may do.

    Parameters
    ----------
    root
        The folder.
    group
        The group's number; None is the one that each file has.

    Returns
    -------
    list of pathlib.Path
        What is another user's and could not be changed.
    """
    failed = []
    for path in _all(root):
        try:
            status = path.lstat()
            # New files in a folder with the mark S_ISGID get the folder's group.
            mode = status.st_mode | (status.st_mode & 0o700) >> 3
            mode |= 0o2000 if path.is_dir() else 0
            if group is not None and status.st_gid != group:
                os.chown(path, -1, group)
                path.chmod(mode & 0o7777)
            elif mode != status.st_mode:
                path.chmod(mode & 0o7777)
        except FileNotFoundError:
            continue
        except OSError:
            failed.append(path)
    return failed


def _all(root: Path) -> Iterator[Path]:
    yield root
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                yield path


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
