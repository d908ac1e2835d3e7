"""Events as plain data, as ``asimov log`` lists them."""

from __future__ import annotations

from typing import Any

from asimov.journal.records import Event
from asimov.system import clock


def event_data(event: Event) -> dict[str, Any]:
    """Return an event; its time is ISO 8601 in UTC."""
    return {**event._asdict(), "time": clock.iso(event.time)}
