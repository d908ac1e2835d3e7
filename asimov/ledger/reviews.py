"""Reviews of analyses by people: statuses, messages and the form in which they are stored.

The form is ``{"status": "approved", "messages": [{"message": "...", "status": "approved",
"timestamp": "2026-05-01T12:00:00Z", "by": "ada"}]}``; the status is that of the last message that
has one, or None. Ledgers of asimov 0.8 contain only the list of messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.text import did_you_mean

#: The statuses of a review, with their meanings.
STATUSES = {
    "approved": "it is as it should be",
    "rejected": "it is not to be used",
    "preferred": "of several that are approved, the one to use",
    "deprecated": "another has taken its place",
}
#: The paths under which ``needs`` find the status of a review.
PATHS = ("review", "review.status")


def named(status: str) -> str:
    """Return the status that a person typed, ignoring case.

    Raises
    ------
    AsimovError
        If there is no such status; the error suggests the nearest.
    """
    if status.lower() in STATUSES:
        return status.lower()
    raise AsimovError(
        f"{status!r} is not a review status{did_you_mean(status.lower(), STATUSES)}",
        hint=f"use one of: {', '.join(STATUSES)}",
    )


def messages(review: Any) -> list[dict[str, Any]]:
    """Return the messages of a review, oldest first."""
    kept = review.get("messages") if isinstance(review, Mapping) else review
    if not isinstance(kept, list):
        return []
    return [dict(each) for each in kept if isinstance(each, Mapping)]


def outcome(review: Any) -> str | None:
    """Return the status of a review in lower case, or None."""
    if isinstance(review, Mapping):
        said = [review.get("status")]
    elif isinstance(review, list):
        said = [each["status"] for each in messages(review) if each.get("status")]
    else:
        said = [review]
    return str(said[-1]).lower() if said and said[-1] else None


def added(
    review: Any, message: str | None, status: str | None, by: str, timestamp: str
) -> dict[str, Any]:
    """Return a review with an additional message.

    Parameters
    ----------
    review
        The review so far, or None.
    message, status
        The text, and the new status of the review; None to keep the present status.
    by
        The author.
    timestamp
        The time, as ISO 8601 in UTC.
    """
    new = {"message": message, "status": status, "timestamp": timestamp, "by": by}
    return {"status": status or outcome(review), "messages": [*messages(review), new]}


def withdrawn(review: Any) -> dict[str, Any]:
    """Return a review without its status, for an analysis that is run again; messages stay."""
    return {"status": None, "messages": messages(review)}
