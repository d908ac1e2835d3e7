"""Applicators: packages that write subjects and analyses into the ledger, for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.ledger.changes import Plan
from asimov.logs import logger
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import PackageError, call, enabled, ledger_for, load
from asimov.plugins.output import Capture
from asimov.project.workspace import Workspace

_capture = Capture()
#: The ledgers of the applicators that are running: one may call another.
_running: list[Any] = []


def apply_with(
    workspace: Workspace, name: str, subject: str | None, *, dry_run: bool = False
) -> Plan:
    """Have an applicator write into the ledger: all that it writes, or nothing where it raises.

    What one applicator has another do is part of its own work.

    Parameters
    ----------
    workspace
        The open project.
    name
        The applicator's name; the project enables it.
    subject
        What it is to apply, by the name that it knows it by.
    dry_run
        Whether to write nothing.

    Returns
    -------
    Plan
        What was written, or would be.

    Raises
    ------
    AsimovError
        Where there is no such applicator, it is not enabled, or it fails.
    """
    point = entrypoints.find(entrypoints.APPLICATOR, name)
    if point is None:
        raise entrypoints.unknown(entrypoints.APPLICATOR, name)
    known = enabled(workspace, "applicator")
    if point.name not in known:
        raise AsimovError(
            f"the applicator {point.name!r} is not enabled in this project",
            hint=f"apply a blueprint of kind configuration with 'hooks: {{applicator: "
            f"{{{point.name}: {{...}}}}}}', and the settings that it needs",
        )
    what = Call("", "", f"applicator {point.name}", "run")
    if _running:
        load(workspace, entrypoints.APPLICATOR, point.name)(_running[-1]).run(subject)
        return Plan()
    ledger = ledger_for(workspace, "ledger")
    plan: Plan
    with _captured(what):
        hook = load(workspace, entrypoints.APPLICATOR, point.name)
        with ledger.transaction(dry_run=dry_run) as plan:
            _running.append(ledger)
            try:
                call(workspace, what, partial(_run, hook, ledger, subject))
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


@contextmanager
def _captured(what: Call) -> Iterator[None]:
    """Have what is printed in the block in the log."""
    _capture.start()
    try:
        yield
    finally:
        printed = _capture.stop()
        if printed:
            logger().info("%s printed:\n%s", what, printed)
