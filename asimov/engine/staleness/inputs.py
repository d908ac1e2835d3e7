"""How analyses depend on each other's results: what is made from what, and what is in doubt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from asimov.engine.staleness.reasons import Reason
from asimov.engine.staleness.verdicts import WITHOUT_RESULT, outdated
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace


def in_doubt(
    workspace: Workspace, keys: Iterable[Key], old: Mapping[Key, tuple[Reason, ...]]
) -> dict[Key, tuple[Key, ...]]:
    """Return the analyses with an input that is out of date, directly or further up.

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
        The out-of-date analyses that each one was made from.
    """
    asked = list(keys)
    known = set(asked)
    if not old and known.issuperset(workspace.contents.entries):
        return {}
    order = upstream_first(workspace, asked)
    found = {**old, **outdated(workspace, [key for key in order if key not in known])}
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
