"""The bodies of requests that change a project: actions, and blueprints with options of `apply`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

_Text = Annotated[str, Meta(max_length=10_000)]


class Action(Struct, forbid_unknown_fields=True):
    """Something to do to analyses.

    Attributes
    ----------
    action
        ``restart``, ``stop``, ``cancel``; ``set`` to the state `status`; ``withdraw``, which takes
        back that they run again if their inputs change; or ``review`` with the verdict `status`,
        the message `reason`, or both.
    analyses
        Their names, as ``SUBJECT/NAME``.
    status
        The state, or the verdict.
    reason
        Why, for the log; of a review, its message.
    lost
        With ``set``: whether to give up their jobs, which their scheduler will never report.
    dry_run
        With ``set``: whether only to say what would become of each.
    """

    action: Literal["restart", "stop", "cancel", "set", "withdraw", "review"]
    analyses: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    status: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    reason: _Text | None = None
    lost: bool = False
    dry_run: bool = False

    def mistake(self) -> str | None:
        """Return what is wrong with how its parts go together, or None."""
        if self.action == "set" and self.status is None:
            return "'set' needs a 'status'"
        if self.action == "review" and self.status is None and self.reason is None:
            return "'review' needs a 'status', a 'reason', or both"
        if self.action not in {"set", "review"} and self.status is not None:
            return f"'{self.action}' takes no 'status'"
        for name in ("lost", "dry_run"):
            if self.action != "set" and getattr(self, name):
                return f"'{self.action}' takes no '{name}'"
        return None


class Rerun(Struct, forbid_unknown_fields=True):
    """Analyses to run again.

    Attributes
    ----------
    analyses
        Their names, as ``SUBJECT/NAME``.
    downstream
        Whether those that are made from them run again too, if their inputs change.
    reason
        Why, for the log; by default why each is out of date.
    dry_run
        Whether only to plan it.
    """

    analyses: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    downstream: bool = False
    reason: _Text | None = None
    dry_run: bool = False


class Answers(Struct, forbid_unknown_fields=True):
    """Answers to what an analysis asks, by the names of its fields."""

    answers: dict[str, Any]


@dataclass(frozen=True)
class ApplyRequest:
    """Blueprints to apply, or to plan that; the options are those of ``asimov apply``."""

    text: str
    subject: str | None
    name: str | None
    update: bool
    iterate: bool
    dry_run: bool
    replace: bool
    force: bool
    reason: str | None
