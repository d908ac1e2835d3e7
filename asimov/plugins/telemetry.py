"""Telemetry: what changes of state there were, told to the sinks that the project enables.

The journal is what keeps events. A sink hears of each once, after the pass in which it came about
or was found; what a sink can't take is not told it again.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any

from asimov import entrypoints
from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.logs import logger
from asimov.plugins.crashes import Call
from asimov.plugins.hooks import call, enabled, load, tell
from asimov.project.workspace import Workspace

#: Sinks that were registered by a call, by their names.
REGISTERED: dict[str, Any] = {}
#: Events that packages have emitted, until they are sent.
QUEUE: list[TelemetryEvent] = []
#: Seconds that a sink has for all events of a pass; after that it is left alone for an hour.
LIMIT = 10.0
#: A sink that fails so often in a row is not asked again in the same pass.
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
        ``status_change``, or what a package calls it.
    event_name, analysis_name
        The subject and the analysis.
    rundir
        The analysis's run directory, absolute; empty where it has none any more.
    data
        More: of a change of state ``from``, ``to``, ``actor`` and ``reason``.
    """

    timestamp: str
    event_type: str
    event_name: str
    analysis_name: str
    rundir: str
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self), default=str)


def send(workspace: Workspace, report: Callable[[str], None], since: float) -> None:
    """Tell the enabled sinks what has happened since they were told last.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each sink that fails.
    since
        From when on, where no sink was ever told anything, in seconds since the epoch.
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
            what = Call("", "", f"telemetry {name}", "emit")
            call(workspace, what, partial(_emit, sink, events), LIMIT)
        except AsimovError as error:
            tell(report, f"telemetry {name!r}", error)
    if str(last) != workspace.journal.get_property(_PROPERTY):
        workspace.journal.set_property(_PROPERTY, str(last))


def _changes(workspace: Workspace, since: float) -> tuple[int, list[TelemetryEvent]]:
    """Return the changes of state that no sink was told of, and the number of the last event."""
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
    if name in REGISTERED and entrypoints.find(entrypoints.TELEMETRY, name) is None:
        return REGISTERED[name]
    made = (name, repr(settings))
    if made not in _made:
        loaded = load(workspace, entrypoints.TELEMETRY, name)
        what = Call("", "", f"telemetry {name}", "__init__")
        _made[made] = call(workspace, what, lambda: _new(loaded, settings), LIMIT)
    return _made[made]


#: The sinks that this process has made, by their names and settings.
_made: dict[tuple[str, str], Any] = {}


def _new(sink: Any, settings: Any) -> Any:
    """Make a sink with those of its settings that it takes: published ones take none."""
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
        except Exception as error:  # the next event may be one that it takes
            logger().warning("a telemetry sink failed", exc_info=True)
            first, in_a_row = first or error, in_a_row + 1
            if in_a_row == _FAILURES:
                break
    if first is not None:
        raise first
