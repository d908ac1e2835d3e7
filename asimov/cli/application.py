"""Applying by the names that published packages import; `asimov apply` is in `asimov.cli.apply`.

Needed by bilby_tgr, whose applicators call each other.
"""

from __future__ import annotations

from typing import Any

import click

from asimov.engine.applying import apply_with
from asimov.engine.declarations import planner
from asimov.facade import current_workspace
from asimov.ledger import blueprints
from asimov.ledger.writing import write
from asimov.workspace import Workspace


def apply_page(
    file: str, event: str | None = None, ledger: Any = None, update_page: bool = False
) -> None:
    """Apply a file of blueprints, or those at a URL.

    Parameters
    ----------
    file
        The file or URL.
    event
        The subject of analyses that name none.
    ledger
        The ledger; by default that of the project that one is in.
    update_page
        Whether something that is in the ledger may be changed.

    Raises
    ------
    AsimovError
        For the first document that can't be applied; nothing is written then.
    """
    workspace: Workspace = ledger.workspace if ledger is not None else current_workspace()
    documents = blueprints.read([file])
    with workspace.files.lock():
        workspace.reload()
        plan = planner(workspace, event, update_page).add(documents)
        write(workspace.files, plan.files)
        new = [(key, status, "added by asimov apply") for key, status in plan.added.items()]
        workspace.journal.add(new, "apply")
    workspace.reload()
    for change in plan.changes:
        click.echo(f"{change.action:6} {change.what}")


def apply_via_plugin(event: str, hookname: str, **options: Any) -> None:
    """Have an applicator write what it knows of a subject.

    Parameters
    ----------
    event
        The subject, by the name that the applicator knows it by.
    hookname
        The applicator; the project enables it.
    **options
        Ignored; none is known.

    Raises
    ------
    AsimovError
        Where there is no such applicator, or it fails.
    """
    apply_with(current_workspace(), hookname, event)
    click.echo(f"{event} has been applied.")
