"""Add subjects, analyses and settings to the ledger from blueprints (YAML files), with checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from asimov.engine.changes.overruled import overruled
from asimov.engine.staleness.consequences import newly_outdated
from asimov.ledger import renaming
from asimov.ledger.blueprints import Blueprint
from asimov.ledger.plan import Plan
from asimov.plugins.apply_notes import notes
from asimov.plugins.declarations import planner
from asimov.project.history import Origin
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace


def apply(
    workspace: Workspace,
    blueprints: list[Blueprint],
    *,
    subject: str | None = None,
    name: str | None = None,
    update: bool = False,
    iterate: bool = False,
    dry_run: bool = False,
    replace: bool = False,
    force: bool = False,
    command: str = "asimov apply",
    reason: str | None = None,
    besides: Callable[[Plan], None] | None = None,
) -> Plan:
    """Add what blueprints describe to the ledger: all of it, or nothing.

    Parameters
    ----------
    workspace
        The open project.
    blueprints
        The blueprints, as `asimov.ledger.blueprints.read` returns them.
    subject
        The subject of analyses that name none.
    name
        Another name for the only analysis of the blueprints.
    update
        Whether to change what is already in the ledger.
    iterate
        Whether an analysis gets the next free name where its own is taken.
    dry_run
        Whether to write nothing.
    replace
        Whether that also loses the keys that the blueprints do not have.
    force
        Whether to accept names that are surely misspelt.
    command, reason
        Which command does it, and why, for the history.
    besides
        Takes the plan, and writes to the journal in the transaction of the change: both are
        recorded, or neither. Not called where nothing is written.

    Returns
    -------
    Plan
        What was written, or would be.

    Raises
    ------
    AsimovError
        For the first blueprint that can't be applied.
    """
    if name is not None:
        blueprints = renaming.named(blueprints, name)
    with change_ledger(workspace, Origin(command, reason), dry_run=dry_run) as change:
        if iterate:
            blueprints = renaming.iterated(blueprints, workspace.contents.entries, subject)
        made = planner(workspace, subject, update, replace=replace, force=force)
        plan = made.add(blueprints)
        plan.notes += notes(workspace, made) + overruled(workspace, made)
        if plan.count("update") or made.reaches_others:
            plan.outdated = newly_outdated(workspace, made.contents)
        change.write(plan, besides and partial(besides, plan))
    return plan
