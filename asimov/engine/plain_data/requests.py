"""Open requests to run analyses again as plain data, as ``asimov rerun --pending`` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asimov.engine.rerun.requested import Requested, requested
from asimov.journal.keys import Key
from asimov.journal.reruns import Request, Requests
from asimov.project.workspace import Workspace


def requests_data(workspace: Workspace, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Return the open requests of some analyses.

    Returns
    -------
    list of dict
        ``subject``, ``name``, ``by``, ``at``, ``reason``, ``only_if_inputs_change``; in ``said``
        what was requested, in words; in ``before``, of one that restarts with the next pass, the
        state that it was in.
    """
    later = Requests(workspace.journal).all()
    found: dict[Key, Request | Requested] = {key: later[key] for key in keys if key in later}
    found |= requested(workspace, keys)
    return [
        {
            "subject": key.subject,
            "name": key.name,
            **each.as_json(),
            "only_if_inputs_change": isinstance(each, Request),
            "said": str(each),
            "before": each.before if isinstance(each, Requested) else None,
        }
        for key in keys
        if (each := found.get(key)) is not None
    ]
