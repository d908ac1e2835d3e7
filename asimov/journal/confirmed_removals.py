"""Analyses whose removal from the ledger a person has confirmed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from asimov.journal.journal import Journal
from asimov.keys import Key

#: The journal's property that lists them.
FORGOTTEN = "forgotten analyses"


def forgotten(journal: Journal) -> set[Key]:
    """Return the analyses that were confirmed to be removed."""
    text = journal.get_property(FORGOTTEN)
    return set(msgspec.json.decode(text, type=list[Key])) if text else set()


def forget(journal: Journal, keys: Iterable[Key], person: str, reason: str) -> None:
    """Record that analyses were removed from the ledger on purpose."""
    with journal.transaction():
        new = set(keys) - forgotten(journal)
        _keep(journal, forgotten(journal) | new)
        for key in sorted(new):
            journal.note(key, person, "forgotten", reason)


def take_back(journal: Journal, keys: Iterable[Key]) -> None:
    """Record that analyses are in the ledger again: another removal would be news."""
    known = forgotten(journal)
    if known and (back := known.intersection(keys)):
        with journal.transaction():
            _keep(journal, forgotten(journal) - back)


def _keep(journal: Journal, keys: set[Key]) -> None:
    text = msgspec.json.encode(sorted(keys)).decode() if keys else None
    journal.set_property(FORGOTTEN, text)
