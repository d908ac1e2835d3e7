"""The order of analyses in every view: those that need a person come first."""

from __future__ import annotations

from asimov.engine.status import OF_JOBS, URGENT
from asimov.states import STATES

_RANKS = {
    state: rank for rank, state in enumerate(dict.fromkeys([*URGENT, "running", *OF_JOBS, *STATES]))
}


def rank(state: str) -> int:
    """Return the place of a shown state: what needs a person first, then what runs, then the rest.

    Parameters
    ----------
    state
        As of `asimov.engine.status.Row`; one that a package added comes last.
    """
    return _RANKS.get(state, len(_RANKS))
