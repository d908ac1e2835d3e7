"""What applying blueprints changes: the plan that people see and that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asimov.keys import Key

#: The most changes that the summary of a written plan lists one by one.
_SHOWN = 50
_WORDS = {"add": "added", "update": "updated", "unchanged": "unchanged"}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    Attributes
    ----------
    action
        ``add``, ``update`` or ``unchanged``.
    what
        What is changed, in words.
    """

    action: str
    what: str


@dataclass
class Plan:
    """What applying some blueprints comes to.

    Attributes
    ----------
    changes
        A line for each document and each analysis.
    added
        The new analyses with the states that they begin in.
    files
        The new content of the ledger's files, by path.
    notes
        What is as it may be, and looks like a mistake.
    comments_lost
        The files that were rewritten without the comments people had put in them.
    """

    changes: list[Change] = field(default_factory=list)
    added: dict[Key, str] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    comments_lost: list[str] = field(default_factory=list)

    def count(self, action: str) -> int:
        """Return how many changes are of one action."""
        return sum(change.action == action for change in self.changes)

    def summary(self, *, would: bool) -> list[str]:
        """Return the plan as lines for people.

        Parameters
        ----------
        would
            Whether it was not written, as in a dry run.
        """
        changes = [change for change in self.changes if change.action != "unchanged"]
        if not changes:
            return [f"Nothing changed: all of it is in the ledger ({len(self.changes)} items)"]
        shown = changes if would or len(changes) <= _SHOWN else []
        counts = ", ".join(
            f"{self.count(action)} {word}" for action, word in _WORDS.items() if self.count(action)
        )
        lines = [f"{change.action:6} {change.what}" for change in shown]
        return [*lines, f"{'Would be' if would else 'Done'}: {counts}"]
