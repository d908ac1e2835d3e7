"""Applicators: packages that add subjects and analyses to the ledger, at a user's request."""

from __future__ import annotations

from functools import partial
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.ledger.plan import Plan
from asimov.plugins.calls import PackageError, call_plugin, load_plugin
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import enabled, ledger_for
from asimov.plugins.output import captured
from asimov.project.transaction import Outdated
from asimov.project.workspace import Workspace

#: The ledgers of the running applicators: one may call another.
_running: list[Any] = []


def apply_with(
    workspace: Workspace,
    name: str,
    subject: str | None,
    *,
    dry_run: bool = False,
    outdated: Outdated | None = None,
) -> Plan:
    """Run an applicator, and write everything it adds to the ledger, or nothing if it raises.

    An applicator that another one calls is part of that one's work.

    Parameters
    ----------
    workspace
        The open project.
    name
        The applicator's name; the project must enable it.
    subject
        The subject, by the applicator's own name for it.
    dry_run
        Whether to write nothing.
    outdated
        Finds the results that this puts out of date, for the plan.

    Returns
    -------
    Plan
        What was written, or would be.

    Raises
    ------
    AsimovError
        Where the applicator is not installed, is not enabled, or fails.
    """
    point = entrypoints.find(entrypoints.APPLICATOR, name)
    if point is None:
        raise entrypoints.unknown(entrypoints.APPLICATOR, name)
    known = enabled(workspace, "applicator")
    if point.name not in known:
        raise AsimovError(
            f"the applicator {point.name!r} is not enabled in this project",
            hint=f"apply a blueprint of kind configuration with 'hooks: {{applicator: "
            f"{{{point.name}: {{...}}}}}}'; docs/hooks.md has an example",
        )
    this = Call.of_plugin(f"applicator {point.name}", "run")
    if _running:
        load_plugin(workspace, entrypoints.APPLICATOR, point.name)(_running[-1]).run(subject)
        return Plan()
    ledger = ledger_for(workspace, "ledger")
    plan: Plan
    with captured(logged_as=this):
        hook = load_plugin(workspace, entrypoints.APPLICATOR, point.name)
        with ledger.transaction(dry_run=dry_run, outdated=outdated) as plan:
            _running.append(ledger)
            try:
                call_plugin(workspace, this, partial(_run, hook, ledger, subject))
            finally:
                _running.pop()
    return plan


def _run(hook: Any, ledger: Any, subject: str | None) -> None:
    try:
        made = hook(ledger)
    except KeyError as error:
        raise PackageError(
            f"raised KeyError: {error}",
            hint="a setting of the hook may be missing, in 'hooks: applicator:' of the project",
        ) from error
    made.run(subject)
