"""The plugin for gravitational-wave science, in the entry-point group `asimov.fields`.

The docs' page on gravitational waves explains which settings follow from which.
"""

from __future__ import annotations

from typing import Any

from asimov.compat.gravitational_waves.settings import complete, marks
from asimov.ledger.fields_of_science import Field


def kind(name: str) -> Any:
    """Return the class of a ``simple``, ``subject`` or ``project`` analysis."""
    from asimov.compat.gravitational_waves.analyses import KINDS

    return KINDS[name]


FIELD = Field(marks, complete, kind)
