"""Telemetry: send changes of state to the sinks that the project enables.

The journal stores the events. A sink receives each once, after the pass that made or found it; an
event that a sink fails to take is not sent again.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.logs import logger
from asimov.plugins.calls import call_plugin, load_plugin, warn
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import enabled
from asimov.plugins.registry import registered
from asimov.project.workspace import Workspace

#: Events that packages have emitted and that are not sent yet.
QUEUE: list[TelemetryEvent] = []
#: Seconds that a sink has for all events of a pass; one that takes longer is suspended for an hour.
LIMIT = 10.0
#: A sink that fails so often in a row is not called again in the same pass.
_FAILURES = 10
_PROPERTY = "telemetry"


@dataclass
class TelemetryEvent:
    """Something that happened to an analysis.

    Attributes
    ----------
    timestamp
        When, as ISO 8601 in UTC.
    event_type
        ``status_change``, or a name that a package chose.
    event_name, analysis_name
        The subject and the analysis.
    rundir
        The analysis's run directory, absolute; empty if it is no longer in the ledger.
    data
        Further data; for a change of state ``from``, ``to``, ``actor`` and ``reason``.
    """

    timestamp: str
    event_type: str
    event_name: str
    analysis_name: str
    rundir: str
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the event as a line of JSON."""
        return json.dumps(asdict(self), default=str)


def send(workspace: Workspace, report: Callable[[str], None], since: float) -> None:
    """Send the enabled sinks what has happened since the last time.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each sink that fails.
    since
        The earliest event to send where none was ever sent, in seconds since the epoch.
    """
    emitted, QUEUE[:] = list(QUEUE), []
    sinks = enabled(workspace, "telemetry")
    if not sinks:
        return
    last, events = _changes(workspace, since)
    events += emitted
    for name, settings in sinks.items() if events else ():
        try:
            sink = _sink(workspace, name, settings)
            call = Call.of_plugin(f"telemetry {name}", "emit")
            call_plugin(workspace, call, partial(_emit, sink, events), LIMIT)
        except AsimovError as error:
            warn(report, f"telemetry {name!r}", error)
    if str(last) != workspace.journal.get_property(_PROPERTY):
        workspace.journal.set_property(_PROPERTY, str(last))


def _changes(workspace: Workspace, since: float) -> tuple[int, list[TelemetryEvent]]:
    """Return the last event's number, and the changes of state that were not sent yet."""
    kept = workspace.journal.get_property(_PROPERTY) or ""
    where, value = ("id > ?", int(kept)) if kept.isdigit() else ("time >= ?", since)
    rows = workspace.journal.rows(
        "SELECT time, subject, name, actor, before, after, reason FROM events "
        f"WHERE kind = 'state' AND {where} ORDER BY id",
        (value,),
    )
    ((last,),) = workspace.journal.rows("SELECT coalesce(max(id), 0) FROM events")
    events = []
    for at, subject, name, actor, before, after, reason in rows:
        there = (subject, name) in workspace.contents.entries
        rundir = workspace.analysis(Key(subject, name)).rundir if there else ""
        data = {"from": before, "to": after, "actor": actor, "reason": reason}
        moment = datetime.fromtimestamp(at, timezone.utc).isoformat()
        events.append(TelemetryEvent(moment, "status_change", subject, name, rundir, data))
    return last, events


def _sink(workspace: Workspace, name: str, settings: Any) -> Any:
    own = registered(entrypoints.TELEMETRY)
    if name in own and entrypoints.find(entrypoints.TELEMETRY, name) is None:
        return own[name]
    made = (name, repr(settings))
    if made not in _made:
        loaded = load_plugin(workspace, entrypoints.TELEMETRY, name)
        call = Call.of_plugin(f"telemetry {name}", "__init__")
        _made[made] = call_plugin(workspace, call, lambda: _new(loaded, settings), LIMIT)
    return _made[made]


#: The sinks that this process has made, by name and settings.
_made: dict[tuple[str, str], Any] = {}


def _new(sink: Any, settings: Any) -> Any:
    """Make a sink with the settings that it takes: published sinks take none."""
    if not isinstance(sink, type):
        return sink
    given = settings if isinstance(settings, Mapping) else {}
    given = {str(key).replace(" ", "_"): value for key, value in given.items()}
    return sink(**{key: given[key] for key in inspect.signature(sink).parameters if key in given})


def _emit(sink: Any, events: list[TelemetryEvent]) -> None:
    in_a_row, first = 0, None
    for event in events:
        try:
            sink.emit(event)
            in_a_row = 0
        except Exception as error:  # it may take the next event
            logger().warning("a telemetry sink failed", exc_info=True)
            first, in_a_row = first or error, in_a_row + 1
            if in_a_row == _FAILURES:
                break
    if first is not None:
        raise first
