"""Review analyses: keep a person's message and verdict, and record them in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asimov.configuration import person
from asimov.engine.lease import at_work
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.history import Origin, record_review
from asimov.project.workspace import Workspace
from asimov.states import STATES

_IN_FAVOUR = {"approved", "preferred"}


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

    Raises
    ------
    AsimovError
        For approving an analysis that runs again: the result that was seen is not the coming one.
    """
    with at_work(workspace, command, wait=True):
        workspace.adopt()
        with workspace.journal.durably():
            for key in keys:
                if outcome in _IN_FAVOUR:
                    _check_seen(workspace, key, outcome)
                before = workspace.settings(key).get("review")
                workspace.review(key, message, outcome, person())
                now = workspace.settings(key).get("review")
                record_review(workspace.journal, Origin(command, message), key, before, now)
            besides()


def _check_seen(workspace: Workspace, key: Key, outcome: str) -> None:
    status = workspace.status(key)
    ran = any(each.state == "ended" for each in workspace.journal.attempts(key))
    if STATES[status].pending and ran:
        raise AsimovError(
            f"{key} is {status}: it can't be {outcome} before there is a result to look at",
            hint="review it once it has finished, or give a message without a status now",
        )
