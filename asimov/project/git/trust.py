"""Users whose git repositories this user trusts.

Git refuses the repository of another user, since its configuration may name programs that git then
runs. asimov tells git to use one anyway if the project is the user's own, or if it is shared and
its owner is on the list of trusted users in the user's own configuration file.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from asimov import configuration
from asimov.errors import AsimovError
from asimov.project.layout import Project
from asimov.system.users import user_name

#: The option in the user's own configuration file that lists trusted users.
TRUSTED = ("sharing", "trusted")


def trusted() -> list[str]:
    """Return the names of the users that this user trusts."""
    # Not from the project's file, which anybody could have written.
    return configuration.read().get(*TRUSTED, fallback="").replace(",", " ").split()


def trust(user: str) -> None:
    """Add a user to the trusted users in this user's own configuration file.

    Raises
    ------
    AsimovError
        If the system has no such user, or the file can't be written.
    """
    try:
        number = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise AsimovError(f"there is no user {user!r} on this machine") from None
    names = dict.fromkeys([*trusted(), user_name(number)])
    configuration.update_file(configuration.user_file(), {TRUSTED: " ".join(names)})


def is_trusted(project: Project, repository: Path) -> bool:
    """Say whether git may use a repository of a project even if it belongs to another user."""
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
