"""What an analysis waits for, or why it needs a person, in the few words of a list."""

from __future__ import annotations

from asimov.engine.status import Row
from asimov.states import STATES


def why(row: Row) -> str:
    """Return what an analysis waits for, or why a person is needed; empty if all is well.

    Parameters
    ----------
    row
        Its line of ``asimov status``.
    """
    if row.waiting_for:
        return "; ".join(row.waiting_for)
    unwell = row.status in STATES and STATES[row.status].blocks
    return (row.reason or "") if unwell else ""
