"""Opening the project for a command."""

from __future__ import annotations

from pathlib import Path

import click

from asimov import logs
from asimov.cli.output import warn
from asimov.project import Project, find
from asimov.workspace import Workspace


def open_project(*, without_journal: bool = False) -> Project:
    """Open the project that ``--project`` names or that is around the current folder.

    Parameters
    ----------
    without_journal
        Whether one that has lost its journal will do.
    """
    named = click.get_current_context().find_root().obj
    project = find(Path(named) if named else None, without_journal=without_journal)
    logs.write_to(project.logs)
    return project


def open_workspace() -> Workspace:
    """Open the project with its ledger and journal; says which ledger files can't be used."""
    workspace = Workspace(open_project())
    click.get_current_context().call_on_close(workspace.journal.close)
    for line in broken(workspace):
        warn(line)
    return workspace


def broken(workspace: Workspace) -> list[str]:
    """Say which files of the ledger can't be used."""
    return [
        line
        for error in workspace.contents.broken.values()
        for line in (f"warning: {error}", *([f"  {error.hint}"] if error.hint else []))
    ]
