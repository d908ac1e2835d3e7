"""Find what an analysis in the state ``ready`` waits for, before it is built and submitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.reviews import PATHS
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.text import nearest, quoted


def waiting_for(workspace: Workspace, key: Key) -> list[str]:
    """Return what keeps a ready analysis from being built and submitted.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.

    Returns
    -------
    list of str
        A line for each unmet need; empty if there is none.
    """
    selection = workspace.dependencies.of(key)
    lines = [f"nothing matches {quoted(str(need))}" for need in selection.unmatched]
    for each in selection.keys:
        status = workspace.status(each)
        if not STATES[status].done:
            name = each[1] if each[0] == key[0] else str(each)
            lines.append(f"{name} is {status}")
    if lines and (circle := workspace.dependencies.cycle([key])):
        lines.append(f"needs form a cycle: {' needs '.join(name for _, name in circle)}")
    return lines


def reviews_wanted(workspace: Workspace, key: Key) -> list[tuple[Key, str]]:
    """Return the analyses that another review would select, each with that review."""
    found = []
    for need in workspace.dependencies.of(key).unmatched:
        wanted = [term for term in need.terms if term.path in PATHS and not term.negated]
        if len(wanted) == 1:
            nearly = workspace.dependencies.nearly(key, need, PATHS)
            found += [(each, wanted[0].value.lower()) for each in nearly]
    return list(dict.fromkeys(found))


def blocked(workspace: Workspace, keys: Iterable[Key]) -> set[Key]:
    """Return which of some ready analyses wait for something only a person can do.

    Each analysis is visited once, however many wait for it.
    """
    known: dict[Key, bool] = {}
    for start in keys:
        todo = [(start, False)]
        while todo:
            key, leaving = todo.pop()
            selection = workspace.dependencies.of(key)
            if leaving:
                known[key] = bool(selection.unmatched) or any(
                    STATES[workspace.status(each)].blocks or known.get(each, False)
                    for each in selection.keys
                )
            elif key not in known:
                known[key] = True  # for those below, which would form a cycle
                todo.append((key, True))
                todo += [
                    (each, False)
                    for each in selection.keys
                    if workspace.status(each) == "ready" and each not in known
                ]
    return {key for key in keys if known[key]}


def nearly_named(workspace: Workspace, key: Key) -> Iterator[str]:
    """Yield a line for each name among the unmet needs that is nearly one that there is."""
    keys = [each for each in workspace.contents.entries if each != key]
    for need in workspace.dependencies.of(key).unmatched:
        for wanted in [term.value for term in need.terms if term.path == "name"]:
            names = (
                [str(each) for each in keys]
                if "/" in wanted
                else [name for subject, name in keys if key[0] in {subject, PROJECT_ANALYSES}]
            )
            if wanted not in names and (near := nearest(wanted, names, 0.8)):
                yield f"there is no {wanted!r}; did you mean {near!r}?"
