"""``asimov project``: copy a project, confirm a move or copy, share the project, trust a user."""

from __future__ import annotations

import grp
from pathlib import Path

import click

from asimov import configuration
from asimov.cli.open_project import Use, open_project, report_copy
from asimov.cli.terminal.output import say, warn
from asimov.errors import AsimovError
from asimov.project import copies, sharing
from asimov.project.cloning import clone
from asimov.project.git import trust
from asimov.project.git.repository import share_repository
from asimov.system.users import user_name


@click.group("project")
def command() -> None:
    """Confirm that the project was moved or copied, or share it with a group.

    \b
    Example:
      asimov project copied
    """


@command.command("moved")
def moved_command() -> None:
    """Confirm that the project was moved here or restored from a backup, and keeps its jobs.

    Asimov asks for this command, or for 'copied', if it can't tell a project from a copy.

    \b
    Example:
      asimov project moved
    """
    project = open_project(Use.ACT)
    if copies.moved(project):
        say(f"The project continues in {project.root}")
    else:
        say("The project has not moved: nothing to do")


@command.command("copied")
@click.option("--certain", is_flag=True, help="Proceed even if nothing shows that this is a copy.")
def copied_command(certain: bool) -> None:
    """Make this copy a separate project, and leave all jobs to the original.

    Analyses with active jobs become stuck here until you set them to another state. Settings,
    configurations and results stay.

    \b
    Example:
      asimov project copied
    """
    report_copy(copies.copied(open_project(Use.ACT), certain=certain))


@command.command("clone")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def clone_command(source: Path, folder: Path | None) -> None:
    """Copy the project in SOURCE to FOLDER, by default to one of its name in the current folder.

    The copy is a project of its own. SOURCE may be at work, and only needs to be readable: jobs
    stay there, and their analyses become stuck in the copy. A project of asimov 0.8 or earlier is
    taken over by 'asimov ledger import' instead.

    \b
    Example:
      asimov project clone ../sunspots
      asimov project clone ../sunspots sunspots-again
    """
    copy, left = clone(source, folder or Path(source.resolve().name))
    say(f"Copied {source.resolve()} to {copy.root}")
    report_copy(left)


@command.command("share")
@click.option("--group", help="The group; by default that of the project's files.")
def share_command(group: str | None) -> None:
    """Let a group work in the project: read, write and submit.

    Every other user has to trust the owner once: 'asimov project trust OWNER'.

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
    say(f"The group {name_of_group(status.st_gid)} may now work in {project.root}")
    if given.refused:
        owners = sorted({user_name(path.lstat().st_uid) for path in given.refused})
        warn(
            f"warning: {len(given.refused)} files belong to {', '.join(owners)}, who must run this "
            f"command too: {given.refused[0]}"
        )
    if given.private:
        warn(
            f"note: {len(given.private)} files stay private, because only their owner may read "
            f"them: {given.private[0]}; 'chmod g+rw FILE' shares one"
        )


@command.command("trust")
@click.argument("user")
def trust_command(user: str) -> None:
    """Trust USER, so that asimov uses the git repositories that USER owns in shared projects.

    The configuration of such a repository can run programs in your name. The decision is kept in
    your own configuration file, and applies to every project.

    \b
    Example:
      asimov project trust ada
    """
    trust.trust(user)
    say(f"{user} is now trusted (recorded in {configuration.user_file()})")


def group_number(group: str | None) -> int | None:
    """Return the number of a group by its name or number.

    Raises
    ------
    AsimovError
        If there is none.
    """
    if group is None or group.isdigit():
        return None if group is None else int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise AsimovError(f"there is no group {group!r} on this machine") from None


def name_of_group(number: int) -> str:
    """Return a group's name, or its number if it has no name."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
