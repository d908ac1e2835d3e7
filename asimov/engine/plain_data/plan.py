"""The plan of an apply as plain data."""

from __future__ import annotations

from typing import Any

from asimov.ledger.plan import Plan


def plan_data(plan: Plan, *, done: bool) -> dict[str, Any]:
    """Return a plan.

    Parameters
    ----------
    plan
        The plan.
    done
        Whether it was carried out.
    """
    return {
        "done": done,
        "changes": [
            {"action": each.action, "what": each.what, "details": list(each.details)}
            for each in plan.changes
        ],
        "added": [str(key) for key in plan.added],
        "notes": list(plan.notes),
        "outdated": {str(key): list(reasons) for key, reasons in plan.outdated.items()},
        "comments_lost": list(plan.comments_lost),
    }
