"""States that packages add, and the handlers that look after analyses in them.

Packages can't change asimov's own states. A custom state is defined by its handler: the analysis's
pipeline has one, or a package publishes one in the entry-point group ``asimov.monitor.states``. A
user, the pipeline or another handler moves an analysis into such a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.logs import logger
from asimov.plugins.calls import PackageError, call_plugin, instance_of, load_plugin, warn
from asimov.plugins.context import Context
from asimov.plugins.crashes import Call
from asimov.plugins.methods import call_method, overrides
from asimov.plugins.registry import registered
from asimov.project.workspace import Workspace
from asimov.states import OWN, STATES, allowed


def known(workspace: Workspace, key: Key, state: str) -> bool:
    """Return whether a package handles a state, and if so add it to the journal's states.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis that is to enter the state: its pipeline may have the handler.
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
    """Call the handlers of the analyses in custom states.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to consider.
    report
        Takes a line for each event.

    Returns
    -------
    int
        The number of analyses that changed state.
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
            report(f"warning: {name} is {state}, and no installed package handles that state")
            continue
        try:
            _run(workspace, key, state, handler)
            moved += _move(workspace, key, state, report)
        except AsimovError as error:
            report(f"warning: {name}: {error}")
    return moved


def _run(workspace: Workspace, key: Key, state: str, handler: Any) -> None:
    analysis = workspace.analysis(key)
    try:
        call = Call.of_plugin(f"state {state}", "handle")
        call_plugin(workspace, call, lambda: handler.handle(Context(analysis)))
    finally:
        workspace.keep(analysis)


def _move(workspace: Workspace, key: Key, state: str, report: Callable[[str], None]) -> bool:
    """Move an analysis to the state that a handler has set."""
    analysis = workspace.analysis(key)
    asked = analysis.requests.take_status()
    if asked in {None, state}:
        return False
    name = str(key)
    exists = asked in OWN or known(workspace, key, asked)
    if not exists or not allowed(state, asked, "monitor"):
        raise PackageError(f"the handler of {state!r} can't set it to {asked!r}")
    workspace.move(key, asked, "monitor", f"set by the handler of {state!r}")
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
                return instance_of(workspace, f"state {state}", own[state])
    except AsimovError as error:
        report(f"warning: {key}: {error}")
    handler = registered(entrypoints.MONITOR_STATES).get(state)
    return handler or _installed(workspace, report).get(state)


def _installed(workspace: Workspace, report: Callable[[str], None]) -> dict[str, Any]:
    """Return the handlers that packages publish as entry points, by their states."""
    for name in entrypoints.found(entrypoints.MONITOR_STATES):
        if name in _seen:
            continue
        _seen.add(name)
        try:
            loaded = load_plugin(workspace, entrypoints.MONITOR_STATES, name)
            handler = instance_of(workspace, f"state {name}", loaded)
            call = Call.of_plugin(f"state {name}", "state_name")
            own_name = call_plugin(workspace, call, partial(getattr, handler, "state_name"))
            state = str(own_name).lower()
            if state in OWN:
                report(
                    f"warning: the state {state!r} is reserved by asimov; {name!r} is not called"
                )
            else:
                _handlers.setdefault(state, handler)
        except AsimovError as error:
            warn(report, f"state {name!r}", error)
    return _handlers


#: The handlers that this process has made, and the entry points that it has loaded.
_handlers: dict[str, Any] = {}
_seen: set[str] = set()
