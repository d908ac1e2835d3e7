"""The plan of what to run again as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.engine.rerun.plan import Plan
from asimov.journal.keys import Key


def rerun_data(plan: Plan, failed: Mapping[Key, str], *, done: bool) -> dict[str, Any]:
    """Return a plan.

    Parameters
    ----------
    plan
        The plan.
    failed
        The analyses that could not be restarted, and why.
    done
        Whether it was carried out.
    """
    return {
        "steps": [step.as_json() for step in plan.steps],
        "left": {str(key): why for key, why in plan.left.items()},
        "not_included": [str(key) for key in plan.users],
        "failed": {str(key): why for key, why in failed.items()},
        "done": done,
    }
