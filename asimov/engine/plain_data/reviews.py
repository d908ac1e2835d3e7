"""The reviews of analyses as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asimov.journal.keys import Key
from asimov.ledger import reviews
from asimov.project.workspace import Workspace


def reviews_data(workspace: Workspace, keys: Iterable[Key]) -> list[dict[str, Any]]:
    """Return the reviews of analyses: the last verdict as ``status``, and all messages."""
    found = []
    for key in keys:
        review = workspace.settings(key).get("review")
        found.append(
            {
                "subject": key.subject,
                "name": key.name,
                "state": workspace.status(key),
                "status": reviews.outcome(review),
                "messages": reviews.messages(review),
            }
        )
    return found
