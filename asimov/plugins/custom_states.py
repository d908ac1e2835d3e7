"""States that packages add, and the handlers that look after the analyses in them.

asimov's own states stay its own. A state of a package's is known by its handler: one that the
analysis's pipeline has, or one under the entry-point group ``asimov.monitor.states``. An analysis
comes into such a state by a person, by its pipeline, or by another handler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.logs import logger
from asimov.plugins.context import Context
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import PackageError, call, load, tell
from asimov.plugins.methods import call_method, overrides
from asimov.project.workspace import Workspace
from asimov.states import OWN, STATES, allowed

#: Handlers that were registered by a call, by their states.
REGISTERED: dict[str, Any] = {}


def known(workspace: Workspace, key: Key, state: str) -> bool:
    """Say whether a state is a package's that has a handler of it; then the state is taken up.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis that is to go there: its pipeline may have the handler.
    state
        The state's name in lower case.
    """
    if state in OWN:
        return False
    if _handler(workspace, key, state, lambda line: logger().warning("%s", line)) is None:
        return False
    workspace.journal.take_up_state(state)
    return True


def handle(workspace: Workspace, keys: set[Key], report: Callable[[str], None]) -> int:
    """Call the handlers of the states that are not asimov's.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to look at.
    report
        Takes a line for each thing that happened.

    Returns
    -------
    int
        How many analyses have come into another state.
    """
    moved = 0
    if len(STATES) == len(OWN):
        return moved
    for key in workspace.contents.entries:
        if key not in keys or (state := workspace.status(key)) in OWN:
            continue
        name = str(key)
        handler = _handler(workspace, key, state, report)
        if handler is None:
            report(f"warning: {name} is {state}, and no installed package looks after that state")
            continue
        try:
            _call(workspace, key, state, handler)
            moved += _heed(workspace, key, state, report)
        except AsimovError as error:
            report(f"warning: {name}: {error}")
    return moved


def _call(workspace: Workspace, key: Key, state: str, handler: Any) -> None:
    analysis = workspace.analysis(key)
    try:
        what = Call("", "", f"state {state}", "handle")
        call(workspace, what, lambda: handler.handle(Context(analysis)))
    finally:
        workspace.keep(analysis)


def _heed(workspace: Workspace, key: Key, state: str, report: Callable[[str], None]) -> bool:
    """Move an analysis to the state that a handler has set."""
    analysis = workspace.analysis(key)
    asked = analysis.requests.take_status()
    if asked in {None, state}:
        return False
    name = str(key)
    there = asked in OWN or known(workspace, key, asked)
    if not there or not allowed(state, asked, "monitor"):
        raise PackageError(f"the handler of {state!r} can't set it to {asked!r}")
    workspace.move(key, asked, "monitor", f"the handler of {state!r} said so")
    report(f"{name}: {state} -> {asked}")
    return True


def _handler(
    workspace: Workspace, key: Key, state: str, report: Callable[[str], None]
) -> Any | None:
    """Return the handler of a state: the pipeline's own, one registered, or an installed one."""
    entry = workspace.contents.entries[key]
    try:
        if overrides(entry.pipeline, "get_state_handlers"):
            own = call_method(workspace.analysis(key), "get_state_handlers")
            if isinstance(own, Mapping) and state in own:
                return _made(workspace, state, own[state])
    except AsimovError as error:
        report(f"warning: {key}: {error}")
    return REGISTERED.get(state) or _installed(workspace, report).get(state)


def _installed(workspace: Workspace, report: Callable[[str], None]) -> dict[str, Any]:
    """Return the handlers that packages have under the group of entry points, by their states."""
    for name in entrypoints.found(entrypoints.MONITOR_STATES):
        if name in _seen:
            continue
        _seen.add(name)
        try:
            handler = _made(workspace, name, load(workspace, entrypoints.MONITOR_STATES, name))
            what = Call("", "", f"state {name}", "state_name")
            state = str(call(workspace, what, partial(getattr, handler, "state_name"))).lower()
            if state in OWN:
                report(f"warning: the state {state!r} is asimov's own; {name!r} is not called")
            else:
                _handlers.setdefault(state, handler)
        except AsimovError as error:
            tell(report, f"state {name!r}", error)
    return _handlers


#: The handlers that this process has made, and the entry points that it has loaded.
_handlers: dict[str, Any] = {}
_seen: set[str] = set()


def _made(workspace: Workspace, name: str, handler: Any) -> Any:
    if isinstance(handler, type):
        return call(workspace, Call("", "", f"state {name}", "__init__"), handler)
    return handler
