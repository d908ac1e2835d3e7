"""Reviews: what people think of an analysis, as it is kept among its facts.

The form is ``{"status": "approved", "messages": [{"message": "...", "status": "approved",
"timestamp": "2026-05-01T12:00:00Z", "by": "ada"}]}``; the status is that of the last message that
has one, or None. Ledgers of the published asimov hold the list of messages alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.text import did_you_mean

#: What a review can come to, with its meaning.
STATUSES = {
    "approved": "it is as it should be",
    "rejected": "it is not to be used",
    "preferred": "of several that are approved, the one to use",
    "deprecated": "another has taken its place",
}
#: The settings under which a review is found, by people's ``needs``.
PATHS = ("review", "review.status")


def named(status: str) -> str:
    """Return a status that a person typed, in whatever case.

    Raises
    ------
    AsimovError
        Where there is none of that name, with the nearest that there is.
    """
    if status.lower() in STATUSES:
        return status.lower()
    raise AsimovError(
        f"a review can't be {status!r}{did_you_mean(status.lower(), STATUSES)}",
        hint=f"it can be {', '.join(STATUSES)}",
    )


def messages(review: Any) -> list[dict[str, Any]]:
    """Return the messages of a review, oldest first."""
    kept = review.get("messages") if isinstance(review, Mapping) else review
    if not isinstance(kept, list):
        return []
    return [dict(each) for each in kept if isinstance(each, Mapping)]


def outcome(review: Any) -> str | None:
    """Return what a review has come to, in lower case; None where it has come to nothing yet."""
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
    """Return a review with another message.

    Parameters
    ----------
    review
        The review so far, or None.
    message, status
        What is said, and what the review comes to by that; None where that stays as it is.
    by
        Who says so.
    timestamp
        When, as ISO 8601 in UTC.
    """
    new = {"message": message, "status": status, "timestamp": timestamp, "by": by}
    return {"status": status or outcome(review), "messages": [*messages(review), new]}


def withdrawn(review: Any) -> dict[str, Any]:
    """Return a review whose analysis is run again: what was said stays, and counts no more."""
    return {"status": None, "messages": messages(review)}
