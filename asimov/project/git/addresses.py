"""Which repositories a subject may name: addresses that run no program, places that are its own."""

from __future__ import annotations

import re
from pathlib import Path

from asimov.errors import AsimovError
from asimov.layout import Project
from asimov.text import quoted

#: Ways to a repository, for git. Others, such as ``ext::``, run a program that the address names.
_PROTOCOLS = ("file", "git", "http", "https", "ssh")
#: What the environment of a git that clones must have.
ALLOWED = {"GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS)}


def check_url(url: str) -> None:
    """Refuse the address of a repository that git would take for something else.

    Raises
    ------
    AsimovError
        For an option, and for a protocol that runs a program.
    """
    scheme, sign, _ = url.partition("://")
    strange = sign and scheme.lower() not in _PROTOCOLS
    if url.startswith("-") or strange or re.match(r"[\w+.-]*::", url):
        raise AsimovError(
            f"repository: {quoted(url)} is no address of a repository",
            hint=f"it is a path, 'user@host:path', or begins with one of {', '.join(_PROTOCOLS)} "
            "and '://'",
        )


def check_place(root: Path, project: Project) -> None:
    """Refuse a folder that is not for configurations.

    What lies in a project may have come with its ledger from somebody else. The configuration of a
    repository names programs that git runs, so only the repositories that asimov itself has made
    there are used.

    Parameters
    ----------
    root
        The repository's folder.
    project
        The project.

    Raises
    ------
    AsimovError
        For a folder inside the project but not in that of its checkouts, for one that holds the
        project, and for one that holds other files and no repository.
    """
    place, home, own = root.resolve(), project.root.resolve(), project.checkouts.resolve()
    clones = own.with_name(f"{own.name}-own")
    if place == own or place.is_relative_to(own) or place.is_relative_to(clones):
        return
    if place.is_relative_to(home) or home.is_relative_to(place):
        raise AsimovError(
            "can't be the repository of a subject: it is a part of the project, or holds it",
            where=root,
            hint="name one outside of the project, or leave 'repository' out",
        )
    if not (place / ".git").exists() and place.is_dir() and any(place.iterdir()):
        raise AsimovError(
            "can't be the repository of a subject: it holds other files",
            where=root,
            hint="name a git repository, an empty folder, or an address to clone from",
        )
