"""The names that packages import from `asimov.cli.application`: apply blueprints from Python.

Needed by bilby_tgr, whose applicators call each other.
"""

from __future__ import annotations

from typing import Any

from asimov.cli.terminal.output import say
from asimov.compat.current_ledger import current_workspace, ledger_here
from asimov.ledger import blueprints
from asimov.plugins.applicators import apply_with


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
        The ledger; by default that of the project that one is in. What an applicator applies is
        part of its own work: written with the rest of it, or not at all.
    update_page
        Whether something that is in the ledger may be changed.

    Raises
    ------
    AsimovError
        For the first document that can't be applied; nothing is written then.
    """
    own = ledger if ledger is not None else ledger_here()
    plan = own.apply(blueprints.read([file]), event, update=update_page)
    for change in plan.changes:
        say(f"{change.action:6} {change.what}")


def apply_via_plugin(event: str, hookname: str, **options: Any) -> None:
    """Let an applicator add what it knows about a subject.

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
    say(f"{event} has been applied.")
