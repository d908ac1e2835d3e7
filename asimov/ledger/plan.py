"""The plan of an apply: the changes that people see, and the files that are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asimov.journal.keys import Key

#: The most changes that the summary of an executed plan lists one by one.
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
        What changes, in words.
    """

    action: str
    what: str


@dataclass
class Plan:
    """The changes that applying some blueprints makes.

    Attributes
    ----------
    changes
        A line for each document and each analysis.
    added
        The new analyses with their first states.
    files
        The new content of the ledger's files, by path.
    notes
        Warnings about what is allowed but looks like a mistake.
    comments_lost
        The files that lost comments because they were rewritten.
    """

    changes: list[Change] = field(default_factory=list)
    added: dict[Key, str] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    comments_lost: list[str] = field(default_factory=list)

    def count(self, action: str) -> int:
        """Return the number of changes with an action."""
        return sum(change.action == action for change in self.changes)

    def summary(self, *, would: bool) -> list[str]:
        """Describe the plan in lines for people.

        Parameters
        ----------
        would
            Whether it was not executed, as in a dry run.
        """
        changes = [change for change in self.changes if change.action != "unchanged"]
        if not changes:
            return [
                f"Nothing changed: everything is in the ledger already ({len(self.changes)} items)"
            ]
        shown = changes if would or len(changes) <= _SHOWN else []
        counts = ", ".join(
            f"{self.count(action)} {word}" for action, word in _WORDS.items() if self.count(action)
        )
        lines = [f"{change.action:6} {change.what}" for change in shown]
        return [*lines, f"{'Would be' if would else 'Done'}: {counts}"]
