"""The names that packages import from `asimov.review`: the review of an analysis, its messages.

cbcflow and bilby_tgr read `status` and `messages`. Reviews are kept among the facts of an analysis
in the form that `asimov.ledger.reviews` describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

from asimov.ledger import reviews
from asimov.rendering.access import reads


class ReviewMessage:
    """One message of a review.

    Parameters
    ----------
    message
        The text.
    production
        The analysis.
    status
        The status that it gives the review, if any.
    timestamp
        When, by default now; without a zone it is local time.

    Attributes
    ----------
    status
        In upper case, or None.
    timestamp
        In UTC, with its zone.

    Raises
    ------
    ValueError
        For a status that a review can't have.
    """

    def __init__(
        self,
        message: str | None,
        production: Any = None,
        status: str | None = None,
        timestamp: datetime | str | None = None,
    ) -> None:
        if status is not None and status.lower() not in reviews.STATUSES:
            raise ValueError(f"a review can't be {status!r}: {', '.join(reviews.STATUSES)}")
        self.message = message
        self.production = production
        self.status = status.upper() if status else None
        self.timestamp = _time(timestamp)

    def to_dict(self) -> dict[str, Any]:
        """Return the message as it is kept."""
        status = self.status.lower() if self.status else None
        written = self.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"message": self.message, "status": status, "timestamp": written}


class Review:
    """The messages about one analysis, oldest first.

    Parameters
    ----------
    messages
        The messages.
    status
        The status; by default that of the last message with one.
    production
        The analysis; what is added is kept with it.
    """

    #: What templates of a project may read.
    for_templates: ClassVar[dict[str, str]] = reads(
        "status", "messages", "to_dicts", "__iter__", "__len__", "__getitem__"
    )

    def __init__(
        self,
        messages: list[ReviewMessage] | None = None,
        status: str | None = "",
        production: Any = None,
    ) -> None:
        self.messages = sorted(messages or [], key=lambda each: each.timestamp)
        self._status = status
        self._production = production

    @classmethod
    def of(cls, production: Any) -> Review:
        """Return the review of an analysis."""
        kept = production.meta.get("review")
        messages = [
            ReviewMessage(each.get("message"), production, _known(each), each.get("timestamp"))
            for each in reviews.messages(kept)
        ]
        outcome = reviews.outcome(kept)
        return cls(messages, outcome.upper() if outcome else None, production)

    @property
    def status(self) -> str | None:
        """The status, in upper case; None if no message has given one."""
        if self._status != "":
            return self._status
        return next((each.status for each in reversed(self.messages) if each.status), None)

    def add(self, review_message: ReviewMessage) -> None:
        """Add a message; it is kept with what else is written to the analysis."""
        self.messages = sorted([*self.messages, review_message], key=lambda each: each.timestamp)
        if review_message.status:
            self._status = review_message.status
        if self._production is not None:
            meta = self._production.meta
            status = self.status.lower() if self.status else None
            before = reviews.messages(meta.get("review"))
            meta["review"] = {"status": status, "messages": [*before, review_message.to_dict()]}

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the messages as they are kept."""
        return [each.to_dict() for each in self.messages]

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[ReviewMessage]:
        return iter(self.messages)

    def __getitem__(self, index: int) -> ReviewMessage:
        return self.messages[index]


def _known(kept: dict[str, Any]) -> str | None:
    """Return a kept status; one that somebody wrote by hand and that is none is left out."""
    status = str(kept.get("status") or "").lower()
    return status if status in reviews.STATUSES else None


def _time(given: datetime | str | None) -> datetime:
    """Return a time in UTC; what can't be read as one is as old as can be."""
    if given is None:
        return datetime.now(timezone.utc)
    if not isinstance(given, datetime):
        try:
            given = datetime.fromisoformat(str(given).replace("Z", "+00:00"))
        except ValueError:
            return datetime.fromtimestamp(0, timezone.utc)
    return given.astimezone(timezone.utc)
