"""Read from a service's reply what happened to each analysis, or why it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asimov.engine.set_state import StateChange
from asimov.errors import AsimovError
from asimov.journal.keys import Key


def changes_of(items: Sequence[dict[str, Any]]) -> dict[Key, StateChange | AsimovError]:
    """Return the change of each analysis, or why it was refused."""
    found: dict[Key, StateChange | AsimovError] = {}
    for each in items:
        key = Key.of(each["analysis"])
        if "refused" in each:
            found[key] = AsimovError(each["refused"], hint=each.get("hint"))
        else:
            found[key] = StateChange(each["before"], each["after"], each["pending"])
    return found
