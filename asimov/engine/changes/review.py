"""Review analyses: keep a person's message and verdict, and record them in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asimov.configuration import person
from asimov.engine.lease import at_work
from asimov.journal.keys import Key
from asimov.project.history import Origin, record_review
from asimov.project.workspace import Workspace


def add_reviews(
    workspace: Workspace,
    keys: Iterable[Key],
    message: str | None,
    outcome: str | None,
    command: str,
    besides: Callable[[], None] = lambda: None,
) -> None:
    """Review analyses: all of them, or none.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses.
    message, outcome
        The message, and one of `asimov.ledger.reviews.STATUSES`; either may be None.
    command
        Which command does it, for the history.
    besides
        Writes to the journal in the transaction of the reviews: both are recorded, or neither.
    """
    with at_work(workspace, command, wait=True):
        workspace.adopt()
        with workspace.journal.durably():
            for key in keys:
                before = workspace.settings(key).get("review")
                workspace.review(key, message, outcome, person())
                now = workspace.settings(key).get("review")
                record_review(workspace.journal, Origin(command, message), key, before, now)
            besides()
