"""What an analysis waits for."""

from __future__ import annotations

from asimov.ledger.needs import Key
from asimov.states import STATES
from asimov.workspace import Workspace


def waiting_for(workspace: Workspace, key: Key) -> list[str]:
    """Say what keeps a ready analysis from being built and submitted.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.

    Returns
    -------
    list of str
        A line for each unmet need, empty where there is none.
    """
    selection = workspace.dependencies.of(key)
    lines = [f"nothing matches {str(need)!r}" for need in selection.unmatched]
    for each in selection.keys:
        status = workspace.status(each)
        if not STATES[status].done:
            name = each[1] if each[0] == key[0] else "/".join(each)
            lines.append(f"{name} is {status}")
    if lines and (circle := _circle(workspace, key)):
        lines.append(f"its needs go in a circle: {' needs '.join(circle)}")
    return lines


def _circle(workspace: Workspace, key: Key) -> list[str] | None:
    """Return the way from an analysis back to itself; only an editor can have made one."""
    came: dict[Key, Key] = {}
    todo = [key]
    while todo:
        here = todo.pop()
        for each in workspace.dependencies.of(here).keys:
            if each == key:
                way = [here]
                while way[-1] != key:
                    way.append(came[way[-1]])
                return [name for _, name in [*reversed(way), key]]
            if each not in came:
                came[each] = here
                todo.append(each)
    return None


def is_blocked(workspace: Workspace, key: Key) -> bool:
    """Say whether a ready analysis waits for something that only a person can bring about."""
    seen = {key}
    todo = [key]
    while todo:
        selection = workspace.dependencies.of(todo.pop())
        if selection.unmatched or key in selection.keys:
            return True
        for each in selection.keys:
            status = workspace.status(each)
            if STATES[status].blocks:
                return True
            if status == "ready" and each not in seen:
                seen.add(each)
                todo.append(each)
    return False
