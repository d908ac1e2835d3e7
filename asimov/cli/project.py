"""``asimov project``."""

from __future__ import annotations

import grp

import click

from asimov import configuration
from asimov.cli.opened import Use, open_project, tell_left
from asimov.cli.output import say, warn
from asimov.engine import copies
from asimov.errors import AsimovError
from asimov.project import sharing
from asimov.project.git import trust
from asimov.project.git.repository import share_repository
from asimov.system.users import user_name


@click.group("project")
def command() -> None:
    """Say that the project was moved, copied, or is shared.

    \b
    Example:
      asimov project copied
    """


@command.command("moved")
def moved_command() -> None:
    """Go on here, with the jobs of the project: it was moved, or restored from a backup.

    Asimov asks for this, or for 'copied', where it can't tell a project from a copy of it.

    \b
    Example:
      asimov project moved
    """
    project = open_project(Use.ACT)
    if copies.moved(project):
        say(f"The project goes on in {project.root}")
    else:
        say("The project is where it was: nothing to do")


@command.command("copied")
@click.option("--certain", is_flag=True, help="Although nothing tells that it is a copy.")
def copied_command(certain: bool) -> None:
    """Make this copy a project of its own, which leaves all jobs to the original.

    Analyses whose jobs were under way are stuck here until they are set to another state. Settings,
    configurations and results stay.

    \b
    Example:
      asimov project copied
    """
    tell_left(copies.copied(open_project(Use.ACT), certain=certain))


@command.command("share")
@click.option("--group", help="The group that may act in it; by default that of its files.")
def share_command(group: str | None) -> None:
    """Let a group act in the project: read, write and submit.

    Each user of it names its owner as trusted once: 'asimov project trust OWNER'.

    \b
    Example:
      asimov project share --group astro
    """
    number = group_number(group)
    project = open_project(Use.ACT)
    value = {("project", "shared"): "true"}
    configuration.update_file(project.root / configuration.PROJECT_FILE, value)
    given = sharing.give_to_group(project, number)
    own = project.checkouts.with_name(f"{project.checkouts.name}-own")
    for repository in (project.checkouts, *own.glob("*")):
        if (repository / ".git").is_dir():
            share_repository(repository)
    status = project.root.stat()
    say(f"The group {name_of_group(status.st_gid)} may act in {project.root}")
    if given.refused:
        owners = sorted({user_name(path.lstat().st_uid) for path in given.refused})
        warn(
            f"warning: {len(given.refused)} files belong to {', '.join(owners)}, who can run this "
            f"command as well: {given.refused[0]}"
        )
    if given.private:
        warn(
            f"note: {len(given.private)} files stay private, since only their owner may read them: "
            f"{given.private[0]}; 'chmod g+rw FILE' shares one"
        )


@command.command("trust")
@click.argument("user")
def trust_command(user: str) -> None:
    """Trust USER: use the git repositories in shared projects that belong to that user.

    Their configuration can run programs in your name. It is kept in your own configuration file,
    and holds for every project.

    \b
    Example:
      asimov project trust ada
    """
    trust.trust(user)
    say(f"{user} is trusted, by {configuration.user_file()}")


def group_number(group: str | None) -> int | None:
    """Return the number of a group by its name or number.

    Raises
    ------
    AsimovError
        Where there is none.
    """
    if group is None or group.isdigit():
        return None if group is None else int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise AsimovError(f"there is no group {group!r} on this machine") from None


def name_of_group(number: int) -> str:
    """Return a group's name, or number where the system has no name for it."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
