"""The state of a call, one run of a function: derived from its analysis's state in the journal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from asimov.engine.attendance import attendance
from asimov.engine.status import LOST, shown_state
from asimov.journal import measurements
from asimov.journal.datasets import FunctionCall
from asimov.journal.records import Record
from asimov.project.removed import was_removed
from asimov.project.workspace import Workspace
from asimov.system import clock, reading

#: The states of analyses that nothing moves on by itself.
_OVER = {"stuck", "stopped", "cancelled"}
#: The seconds after which the status of a call that waits says if no monitor is at work.
_PATIENCE = 30.0
_FAILURE = "failure.json"


def is_over(workspace: Workspace, call: FunctionCall) -> bool:
    """Return whether nothing more will come of a call by itself; it may have been run again."""
    if call.key not in workspace.contents.entries:
        return was_removed(workspace, call.key)
    status = workspace.status(call.key)
    return status in _OVER or (status == "uploaded" and _is_listed(workspace, call))


def is_due(workspace: Workspace, call: FunctionCall) -> bool:
    """Return whether the results of a call are stored, and its outputs not listed yet."""
    if call.key not in workspace.contents.entries or _is_listed(workspace, call):
        return False
    return workspace.status(call.key) == "uploaded"


def stored_since(workspace: Workspace, call: FunctionCall) -> float:
    """Return since when the results of a call are stored, which they are."""
    record = workspace.records.get(call.key)
    return record.since if record is not None else 1.0


def _is_listed(workspace: Workspace, call: FunctionCall) -> bool:
    return call.listed == stored_since(workspace, call)


def state(workspace: Workspace, call: FunctionCall) -> dict[str, Any]:
    """Return the state of a call as clients get it."""
    if was_removed(workspace, call.key):
        return _failure(f"the analysis {call.key} was removed")
    status, record = workspace.status(call.key), workspace.records.get(call.key)
    if status in _OVER:
        said = _exception(workspace, call) if status == "stuck" else None
        reason = record.reason if record else None
        return _failure(said or reason or f"the analysis {call.key} is {status}")
    if status == "uploaded" and _is_listed(workspace, call):
        return {"state": "SUCCESS"}
    shown = shown_state(status, record.job_state if record else None)
    if shown in {"running", "processing", "finished", "uploaded", "stop"}:
        return _running(workspace, call, record)
    waits = "Pending..."
    if call.key not in workspace.contents.entries:
        waits = "Pending: its analysis is missing from the ledger, or the file can't be read"
    elif shown == LOST:
        waits = "Pending: its scheduler does not know its job any more"
    elif clock.now() > call.made + _PATIENCE and not attendance(workspace).alive:
        waits = "Pending: no monitor is running; 'asimov serve --monitor' keeps one running"
    return {"state": "PENDING", "current": 0, "total": 1, "status": waits}


def _running(workspace: Workspace, call: FunctionCall, record: Record | None) -> dict[str, Any]:
    total, current, status = len(call.inputs), 0, f"Running {call.function}"
    if record and record.status in {"finished", "uploaded"}:
        current, status = total, "Storing the results"
    elif record and record.uid:
        seen = measurements.of_attempts(workspace.journal, record.uid).get(record.uid)
        if seen is not None:
            current = min(total, math.floor(seen.fraction * total))
            status = record.progress or status
    return {"state": "RUNNING", "current": current, "total": total, "status": status}


def _failure(text: str) -> dict[str, Any]:
    return {"state": "FAILURE", "status": text, "current": 1, "total": 1}


def _exception(workspace: Workspace, call: FunctionCall) -> str | None:
    """Return the text of the exception that the function raised."""
    folder = Path(workspace.analysis(call.key).rundir)
    try:
        said = json.loads(reading.contents(folder / _FAILURE))
        return str(said["exception"] or said["line"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
