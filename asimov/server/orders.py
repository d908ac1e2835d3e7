"""What clients may ask the service to do, as it comes in a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

_Text = Annotated[str, Meta(max_length=10_000)]


class Action(Struct, forbid_unknown_fields=True):
    """Something to do to analyses.

    Attributes
    ----------
    action
        ``restart``, ``stop``, ``cancel``; ``set`` to the state `status`; or ``review`` with the
        verdict `status`, the message `reason`, or both.
    analyses
        Their names, as ``SUBJECT/NAME``.
    status
        The state, or the verdict.
    reason
        Why, for the log; of a review, its message.
    lost
        With ``set``: whether to give up their jobs, which their scheduler will never report.
    """

    action: Literal["restart", "stop", "cancel", "set", "review"]
    analyses: Annotated[list[str], Meta(min_length=1, max_length=1000)]
    status: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    reason: _Text | None = None
    lost: bool = False

    def mistake(self) -> str | None:
        """Return what is wrong with how its parts go together, or None."""
        if self.action == "set" and self.status is None:
            return "'set' needs a 'status'"
        if self.action == "review" and self.status is None and self.reason is None:
            return "'review' needs a 'status', a 'reason', or both"
        if self.action not in {"set", "review"} and self.status is not None:
            return f"'{self.action}' takes no 'status'"
        if self.action != "set" and self.lost:
            return f"'{self.action}' takes no 'lost'"
        return None


@dataclass(frozen=True)
class Application:
    """Blueprints to apply, or to plan that; the options are those of ``asimov apply``."""

    text: str
    subject: str | None
    update: bool
    iterate: bool
    dry_run: bool
    replace: bool
    force: bool
    reason: str | None
