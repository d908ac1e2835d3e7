"""Open the project for a command, and warn about problems with its ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import click

from asimov import logs
from asimov.cli.terminal.output import say, warn
from asimov.cli.terminal.progress import show_progress
from asimov.engine.notifications.overview import notification_warnings
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project import file_changes, identity, sharing
from asimov.project.file_changes import FileChange
from asimov.project.identity import UnsettledError
from asimov.project.layout import Project, find
from asimov.project.removed import ledger_warnings
from asimov.project.workspace import Workspace


class Use(Enum):
    """What a command does with the project.

    ``READ`` needs no write permission and writes nothing but errors to the log. ``DRY_RUN`` writes
    nothing at all.
    """

    ACT = "act"
    READ = "read"
    DRY_RUN = "dry run"

    @classmethod
    def acting(cls, *, dry_run: bool) -> Use:
        """Return ``ACT``, or ``DRY_RUN`` for a dry run."""
        return cls.DRY_RUN if dry_run else cls.ACT


def open_project(use: Use, *, without_journal: bool = False) -> Project:
    """Open the project that ``--project`` names or that contains the current folder.

    Parameters
    ----------
    use
        What the command does with the project.
    without_journal
        Whether to accept a project that has lost its journal.
    """
    named = click.get_current_context().find_root().obj
    show_progress()
    project = find(Path(named) if named else None, without_journal=without_journal)
    if use is Use.ACT:
        if project.shared:
            sharing.let_group_write()
        logs.write_to(project.logs)
    elif use is Use.READ:
        logs.write_faults_to(project.logs)
    else:
        logs.write_nowhere()
    return project


def open_workspace(use: Use, *, whole: bool = False, files: bool = False) -> Workspace:
    """Open the project with its ledger and journal, and warn about problems with the ledger.

    Parameters
    ----------
    use
        What the command does with the project.
    whole
        Whether to list every analysis that is missing from the ledger.
    files
        Whether the command tells of run directories or results: it can't while some of them are
        still to follow a change of the ledger.

    Raises
    ------
    AsimovError
        If so.
    """
    project = open_project(use)
    try:
        workspace = Workspace(project, reading=use is not Use.ACT, rehearsing=use is Use.DRY_RUN)
    except UnsettledError as error:
        _settle(error)
        workspace = Workspace(open_project(use))
    click.get_current_context().call_on_close(workspace.journal.close)
    warn_about_ledger(workspace, whole=whole)
    if use is not Use.ACT:
        left = file_changes.pending(workspace.journal)
        if files and left:
            raise _files_left(left)
        _note(workspace, left)
    return workspace


def _files_left(left: Sequence[FileChange]) -> AsimovError:
    """Return the refusal to tell of files that are not where the ledger has them."""
    first = (
        f"{left[0].path} -> {left[0].to}"
        if left[0].to
        else f"{left[0].path} still has to be deleted"
    )
    more = f", and {len(left) - 1} more" if len(left) > 1 else ""
    return AsimovError(
        "a change to the ledger is in progress or was interrupted, and some files are not in "
        f"place yet ({first}{more})",
        hint="any command that changes the project, such as 'asimov monitor', completes it",
    )


def _settle(doubt: UnsettledError) -> None:
    """Ask the user whether the project was moved or copied; raise the doubt without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise doubt
    from asimov.project import copies

    warn(str(doubt))
    answers = ["copied", "cancel"] if doubt.original else ["moved", "copied", "cancel"]
    answer = click.prompt("How did this project get here?", type=click.Choice(answers), err=True)
    if answer == "moved":
        copies.moved(doubt.project)
    elif answer == "copied":
        report_copy(copies.copied(doubt.project))
    else:
        raise click.Abort


def report_copy(left: list[Key]) -> None:
    """Report that a copy is now independent, and which analyses it left to the original."""
    say("This copy is now a separate project")
    if left:
        names = ", ".join(str(key) for key in left[:10])
        names += f" and {len(left) - 10} more" if len(left) > 10 else ""
        say(
            f"{len(left)} left to the original project, and stuck here: {names}. "
            "To run one here too: 'asimov production set SUBJECT/NAME --status restart'"
        )


def _note(workspace: Workspace, left: Sequence[FileChange]) -> None:
    """Note what the next command that acts will ask for or finish first."""
    doubt = identity.doubt_of(workspace.project, workspace.journal.get_property(identity.PROPERTY))
    if doubt is not None:
        warn(f"note: {doubt.message}; {doubt.hint}")
    if workspace.files.pending or left:
        warn(
            "note: a change to the ledger is in progress or was interrupted; it is shown as done"
            f"{', but some files are not in place yet' if left else ''}. "
            "Don't edit the ledger until a command that acts, such as 'asimov monitor', has "
            "completed it"
        )


def warn_of_notifications(workspace: Workspace) -> None:
    """Warn of notifications that don't get through, and of rules that can't be used."""
    for line in notification_warnings(workspace):
        warn(f"warning: {line}")


def warn_about_ledger(workspace: Workspace, *, whole: bool = False) -> None:
    """Warn about problems with the ledger, once per command."""
    lines = ledger_warnings(workspace, whole=whole)
    known = click.get_current_context().find_root().meta
    if known.get(__name__) != lines:
        known[__name__] = lines
        for line in lines:
            warn(line)
