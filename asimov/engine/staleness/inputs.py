"""How analyses depend on each other's results: what is made from what, and what is in doubt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from asimov.engine.staleness.reasons import RESULTS, Reason
from asimov.engine.staleness.verdicts import WITHOUT_RESULT, outdated
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.states import STATES


def in_doubt(
    workspace: Workspace, keys: Iterable[Key], old: Mapping[Key, tuple[Reason, ...]]
) -> dict[Key, tuple[Key, ...]]:
    """Return the analyses with an input that is out of date or being made again, or one further up.

    Such an analysis is current: its input may come out the same when it is made again.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses to look at.
    old
        Those of them that are out of date.

    Returns
    -------
    dict
        The analyses that each one was made from and that are out of date or being made again.
    """
    asked = list(keys)
    known = set(asked)
    old = _otherwise_outdated(old)
    whole = known.issuperset(workspace.contents.entries)
    if not old and whole and not any(_inputs_made_again(workspace, key) for key in asked):
        return {}
    order = upstream_first(workspace, asked)
    others = outdated(workspace, [key for key in order if key not in known])
    found = {*old, *_otherwise_outdated(others)}
    found.update(each for key in order for each in _inputs_made_again(workspace, key))
    if not found:
        return {}
    above: dict[Key, tuple[Key, ...]] = {}
    for key in order:
        roots: dict[Key, None] = {}
        for each in workspace.dependencies.inputs(key):
            roots |= dict.fromkeys([each] if each in found else above.get(each, ()))
        if roots:
            above[key] = tuple(roots)
    return {
        key: above[key]
        for key in asked
        if key in above and workspace.status(key) not in WITHOUT_RESULT
    }


def _otherwise_outdated(old: Mapping[Key, tuple[Reason, ...]]) -> Mapping[Key, tuple[Reason, ...]]:
    """Leave out results that are only damaged: what was made from them was made from whole ones."""
    return {
        key: reasons
        for key, reasons in old.items()
        if any(each.kind != RESULTS for each in reasons)
    }


def is_made_again(workspace: Workspace, key: Key) -> bool:
    """Return whether an analysis that has run before is about to have another result."""
    record = workspace.records.get(key)
    if record is None or record.uid is None or record.status == "cancelled":
        return False
    return not STATES[record.status].done


def _inputs_made_again(workspace: Workspace, key: Key) -> list[Key]:
    """Return the inputs of a finished analysis that are being made again."""
    record = workspace.records.get(key)
    if record is None or not STATES[record.status].done:
        return []
    inputs = workspace.dependencies.inputs(key)
    return [each for each in inputs if is_made_again(workspace, each)]


def upstream_first(workspace: Workspace, keys: Iterable[Key]) -> list[Key]:
    """Return analyses with all that they are made from, each after its inputs."""
    graph: dict[Key, Sequence[Key]] = {}
    todo = [key for key in keys if key in workspace.contents.entries]
    while todo:
        key = todo.pop()
        if key not in graph:
            graph[key] = workspace.dependencies.inputs(key)
            todo += graph[key]
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:  # the ledger was edited by hand; nothing in the cycle can run
        return list(graph)


def downstream(workspace: Workspace, keys: Collection[Key]) -> list[Key]:
    """Return the analyses that are made from some others, directly or further down."""
    users: dict[Key, list[Key]] = {}
    for key in workspace.contents.entries:
        for each in workspace.dependencies.inputs(key):
            users.setdefault(each, []).append(key)
    found: dict[Key, None] = {}
    todo = list(keys)
    while todo:
        new = [key for key in users.get(todo.pop(), ()) if key not in found]
        found |= dict.fromkeys(new)
        todo += new
    return [key for key in found if key not in keys]
