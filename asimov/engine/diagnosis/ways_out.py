"""What moves an analysis out of its state: the next pass of the monitor, or a person."""

from __future__ import annotations

from shlex import quote

from asimov.engine.rerun.requested import requested
from asimov.journal.keys import Key
from asimov.journal.leases import WATCH, holder, is_dead
from asimov.keepers.present import kept
from asimov.project.workspace import Workspace
from asimov.states import STATES, reachable


def ways_out(workspace: Workspace, key: Key, status: str) -> list[str]:
    """Return what moves an analysis out of its state, a line each, with commands to copy."""
    set_to = f"asimov production set {key} --status"
    found = []
    if status in {"stop", "restart"}:
        found.append("the next pass of 'asimov monitor'")
    elif status == "finished":
        found.append("the next pass of 'asimov monitor' stores its results")
    if status == "restart" and (request := requested(workspace, [key]).get(key)):
        found.append(
            f"if that was a mistake: 'asimov cancel {quote(str(key))}' withdraws the request, and "
            f"it is {request.before} again"
        )
    elif status == "restart":
        found.append(
            f"if that was a mistake: '{set_to} stop'; after the next pass it can be set to finished"
        )
    elif status == "review":
        found.append(
            f"a review by a person: '{set_to} finished' stores its results, '{set_to} "
            "restart' runs it again"
        )
    elif status == "stopped":
        found.append(
            f"a person: '{set_to} ready' runs it again; '{set_to} finished' if it is complete"
        )
    elif status in {"stuck", "wait", "manual", "cancelled"}:
        found.append(by_person(key, status, "a person"))
    if STATES[status].active and not _watched(workspace):
        found.append("no monitor runs in the background: 'asimov start' starts one")
    return found


def by_person(key: Key, status: str, who: str) -> str:
    """Return which states a person can set an analysis to, and with which command."""
    able = ", ".join(reachable(status, "person"))
    states = f": {able}" if able else ""
    return f"{who}, with 'asimov production set {key} --status STATE'{states}"


def _watched(workspace: Workspace) -> bool:
    """Return whether a monitor watches the project, in the background or in a terminal."""
    if kept(workspace) is not None:
        return True
    watch = holder(workspace.journal, WATCH)
    return watch is not None and not is_dead(watch)
