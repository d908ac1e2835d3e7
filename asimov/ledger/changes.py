"""What applying blueprints changes: the plan that people see and that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asimov.keys import Key


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
    """

    changes: list[Change] = field(default_factory=list)
    added: dict[Key, str] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def count(self, action: str) -> int:
        """Return how many changes are of one action."""
        return sum(change.action == action for change in self.changes)
