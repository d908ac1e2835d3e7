"""Why an analysis is where it is, in as many words as a list has room for."""

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
