"""The plan of an apply: the changes that people see, and the files that are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asimov.journal.keys import Key
from asimov.ledger.changes import differences
from asimov.text import counted

#: The most changes that the summary of an executed plan lists one by one, and the most lines on
#: what they change.
_SHOWN = 50
_DETAILS = 20
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
    details
        What changes in it, key by key.
    """

    action: str
    what: str
    details: tuple[str, ...] = ()


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
        The new content of the ledger's files, by path; None if a file is deleted.
    texts
        The exact new texts of files, where they are known already.
    removed
        The analyses that are removed.
    notes
        Warnings about what is allowed but looks like a mistake.
    comments_lost
        The files that lost comments because they were rewritten.
    outdated
        The finished results that the changes put out of date, each with the reasons.
    """

    changes: list[Change] = field(default_factory=list)
    added: dict[Key, str] = field(default_factory=dict)
    files: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    removed: list[Key] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    comments_lost: list[str] = field(default_factory=list)
    outdated: dict[Key, tuple[str, ...]] = field(default_factory=dict)

    def change(self, what: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
        """Add the line of a document or an analysis; return whether anything changes in it.

        Parameters
        ----------
        what
            What it is, in words.
        before, after
            What is in the ledger, None for nothing, and what is to be there.
        """
        if before == after:
            self.changes.append(Change("unchanged", what))
        elif not before:
            self.changes.append(Change("add", what))
        else:
            details = tuple(map(str, differences(before, after)))
            self.changes.append(Change("update", what, details))
        return before != after

    def count(self, action: str) -> int:
        """Return the number of changes with an action."""
        return sum(change.action == action for change in self.changes)

    def summary(self, *, would: bool, whole: bool = False) -> list[str]:
        """Describe the plan in lines for people.

        Parameters
        ----------
        would
            Whether it was not executed, as in a dry run.
        whole
            Whether to list everything, however much it is.
        """
        changes = [change for change in self.changes if change.action != "unchanged"]
        if not changes:
            items = counted(len(self.changes), "item")
            return [f"Nothing changed: everything is already in the ledger ({items})"]
        shown = changes if whole or would or len(changes) <= _SHOWN else []
        left = sum(len(change.details) for change in changes) if whole else _DETAILS
        counts = ", ".join(
            f"{self.count(action)} {word}" for action, word in _WORDS.items() if self.count(action)
        )
        lines: list[str] = []
        for change in shown:
            lines.append(f"{change.action:6} {change.what}")
            lines += [f"       {each}" for each in change.details[:left]]
            left -= min(left, len(change.details))
        listed = sum(line.startswith("       ") for line in lines)
        more = sum(len(change.details) for change in changes) - listed
        lines += [f"       and {counted(more, 'more key')}: --verbose shows all"] if more else []
        return [
            *lines,
            *outdated_lines(self.outdated, whole=whole),
            f"{'Would be' if would else 'Done'}: {counts}",
        ]


def outdated_lines(outdated: Mapping[Key, Sequence[str]], *, whole: bool = False) -> list[str]:
    """Return lines on the results that a change puts out of date: all, or the first of them."""
    found = list(outdated.items())
    kept = found if whole else found[:_DETAILS]
    lines = [f"outdates {key}: {'; '.join(reasons)}" for key, reasons in kept]
    if len(found) > len(kept):
        lines.append(f"outdates {len(found) - len(kept)} more: --verbose shows all")
    return lines
