"""Check the repository that a subject names: a safe address, in a folder of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from asimov.errors import AsimovError
from asimov.project.layout import Project
from asimov.text import quoted

#: Protocols that git may use. Others, such as ``ext::``, run a program that the address names.
_PROTOCOLS = ("file", "git", "http", "https", "ssh")
#: Environment variables for a git that clones.
ALLOWED = {"GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS)}


def check_url(url: str) -> None:
    """Refuse an address that git would take for something other than a repository.

    Raises
    ------
    AsimovError
        If it is an option, or its protocol runs a program.
    """
    scheme, sign, _ = url.partition("://")
    strange = sign and scheme.lower() not in _PROTOCOLS
    if url.startswith("-") or strange or re.match(r"[\w+.-]*::", url):
        raise AsimovError(
            f"repository: {quoted(url)} is not the address of a repository",
            hint="give a path, 'user@host:path', or an address that starts with one of "
            f"{', '.join(_PROTOCOLS)} and '://'",
        )


def is_missing(given: str, project: Project) -> bool:
    """Return whether a subject's repository is a path at which there is nothing."""
    path = given.removeprefix("file://")
    elsewhere = "://" in path or re.match(r"[^/]+:", path)
    return not elsewhere and not os.path.lexists(project.path(path))


def check_place(root: Path, project: Project) -> None:
    """Refuse a folder that must not become a repository of configurations.

    Files in a project may have come from somebody else, together with its ledger. Since the
    configuration of a repository names programs that git runs, asimov uses only those repositories
    in the project that it made itself.

    Parameters
    ----------
    root
        The repository's folder.
    project
        The project.

    Raises
    ------
    AsimovError
        If the folder is inside the project but outside its checkouts, if it contains the project,
        or if it contains files but no repository.
    """
    place, home, own = root.resolve(), project.root.resolve(), project.checkouts.resolve()
    clones = own.with_name(f"{own.name}-own")
    if place == own or place.is_relative_to(own) or place.is_relative_to(clones):
        return
    if place.is_relative_to(home) or home.is_relative_to(place):
        raise AsimovError(
            "can't be the repository of a subject: it is part of the project, or contains it",
            where=root,
            hint="name one outside the project, or leave 'repository' out",
        )
    if not (place / ".git").exists() and place.is_dir() and any(place.iterdir()):
        raise AsimovError(
            "can't be the repository of a subject: it contains files, but isn't a git repository",
            where=root,
            hint="give a git repository, an empty folder, or a URL to clone",
        )
