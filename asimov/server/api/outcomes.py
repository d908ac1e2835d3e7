"""The answer to a request that changes states: what became of each analysis."""

from __future__ import annotations

from collections.abc import Mapping

from asimov.engine.set_state import StateChange
from asimov.errors import AsimovError
from asimov.journal.answered_requests import Answer
from asimov.journal.keys import Key
from asimov.server.faults import Fault
from asimov.system.json_text import as_json


def answer_of(changes: Mapping[Key, StateChange | AsimovError]) -> Answer:
    """Return the answer: what changed, and what was refused; a fault if everything was."""
    items = []
    errors = []
    for key, change in changes.items():
        if isinstance(change, AsimovError):
            errors.append(change)
            outcome = {"refused": change.message, "hint": change.hint}
        else:
            outcome = {"before": change.before, "after": change.after, "pending": change.pending}
        items.append({"analysis": str(key), **outcome})
    if errors and len(errors) == len(items):
        first = Fault(409, errors[0].message, None, errors[0].hint).as_json()
        return Answer(409, as_json({**first, "items": items}))
    return Answer(200, as_json({"items": items}))
