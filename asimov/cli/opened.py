"""Opening the project for a command: to read it, or to act in it."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path

import click

from asimov import logs
from asimov.cli.output import say, warn
from asimov.engine import copies
from asimov.keys import Key
from asimov.layout import Project, find
from asimov.project import identity, sharing
from asimov.project.identity import UnsettledError
from asimov.project.removed import ledger_warnings
from asimov.project.workspace import Workspace


class Use(Enum):
    """What a command does with the project.

    To read it nobody has to be able to write, and nothing is written but faults, to the log. A
    dry run reads it and writes nothing at all.
    """

    ACT = "act"
    READ = "read"
    DRY_RUN = "dry run"

    @classmethod
    def acting(cls, *, dry_run: bool) -> Use:
        """Return the use of a command that acts unless it is a dry run."""
        return cls.DRY_RUN if dry_run else cls.ACT


def open_project(use: Use, *, without_journal: bool = False) -> Project:
    """Open the project that ``--project`` names or that is around the current folder.

    Parameters
    ----------
    use
        What for.
    without_journal
        Whether one that has lost its journal will do.
    """
    named = click.get_current_context().find_root().obj
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


def open_workspace(use: Use, *, whole: bool = False) -> Workspace:
    """Open the project with its ledger and journal; warns of what is amiss with the ledger.

    Parameters
    ----------
    use
        What for.
    whole
        Whether the warning lists every analysis that is missing from the ledger.
    """
    project = open_project(use)
    try:
        workspace = Workspace(project, reading=use is not Use.ACT)
    except UnsettledError as error:
        _settle(error)
        workspace = Workspace(open_project(use))
    click.get_current_context().call_on_close(workspace.journal.close)
    tell_amiss(workspace, whole=whole)
    if use is not Use.ACT:
        _note(workspace)
    return workspace


def _settle(doubt: UnsettledError) -> None:
    """Ask the person at the terminal what a project is; without one, tell how to say so."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise doubt
    warn(str(doubt))
    answers = ["copied", "cancel"] if doubt.original else ["moved", "copied", "cancel"]
    answer = click.prompt("What is it?", type=click.Choice(answers), err=True)
    if answer == "moved":
        copies.moved(doubt.project)
    elif answer == "copied":
        tell_left(copies.copied(doubt.project))
    else:
        raise click.Abort


def tell_left(left: list[Key]) -> None:
    """Say what became of a copy, and of the analyses whose jobs it has left."""
    say("This copy is a project of its own now")
    if left:
        names = ", ".join(str(key) for key in left[:10])
        names += f" and {len(left) - 10} more" if len(left) > 10 else ""
        say(
            f"{len(left)} left to the original, and stuck here: {names}; "
            "'asimov production set SUBJECT NAME --status restart' runs one here as well"
        )


def _note(workspace: Workspace) -> None:
    """Tell who only reads what is yet to be done before anything can act."""
    doubt = identity.doubt_of(workspace.project, workspace.journal.get_property(identity.PROPERTY))
    if doubt is not None:
        warn(f"note: {doubt.message}; {doubt.hint}")
    if workspace.files.pending:
        warn(
            "note: a change of the ledger is under way, or was cut short; it is shown as done. "
            "Edit nothing before the next command that acts has finished it"
        )


def tell_amiss(workspace: Workspace, *, whole: bool = False) -> None:
    """Warn of what is amiss with the ledger, once in a command."""
    lines = ledger_warnings(workspace, whole=whole)
    known = click.get_current_context().find_root().meta
    if known.get(__name__) != lines:
        known[__name__] = lines
        for line in lines:
            warn(line)
