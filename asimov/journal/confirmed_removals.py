"""Record which analyses a person removed from the ledger on purpose, to end the warnings."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from asimov.journal.journal import Journal
from asimov.journal.keys import Key

#: The property of the journal that lists them.
FORGOTTEN = "forgotten analyses"


def forgotten(journal: Journal) -> set[Key]:
    """Return the analyses whose removal was confirmed."""
    text = journal.get_property(FORGOTTEN)
    return set(msgspec.json.decode(text, type=list[Key])) if text else set()


def forget(
    journal: Journal, keys: Iterable[Key], person: str, reason: str, kind: str = "forgotten"
) -> None:
    """Record that a person confirmed the removal of analyses from the ledger.

    Parameters
    ----------
    journal
        The open journal.
    keys
        The analyses.
    person, reason, kind
        Who did it, why, and what the log calls it.
    """
    with journal.transaction():
        new = set(keys) - forgotten(journal)
        _save(journal, forgotten(journal) | new)
        for key in sorted(new):
            journal.note(key, person, kind, reason)


def take_back(journal: Journal, keys: Iterable[Key]) -> None:
    """Record that analyses are in the ledger again, so that a later removal is reported."""
    known = forgotten(journal)
    if known and (back := known.intersection(keys)):
        with journal.transaction():
            _save(journal, forgotten(journal) - back)


def _save(journal: Journal, keys: set[Key]) -> None:
    text = msgspec.json.encode(sorted(keys)).decode() if keys else None
    journal.set_property(FORGOTTEN, text)
