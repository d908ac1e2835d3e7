"""The names that packages import from `asimov.telemetry`: report events, or receive them.

Needed by packages with entry points under ``asimov.hooks.telemetry``, and by pipelines that emit
events. `asimov.plugins.telemetry` passes them to the sinks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.plugins.registry import register
from asimov.plugins.telemetry import QUEUE, TelemetryEvent

__all__ = ["TelemetryEvent", "TelemetrySink", "emit_event", "register_telemetry_sink"]


class TelemetrySink(ABC):
    """Receives events, such as for an external database."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name, by which projects enable it."""

    @abstractmethod
    def emit(self, event: TelemetryEvent) -> None:
        """Receive an event."""


def register_telemetry_sink(sink: TelemetrySink) -> None:
    """Register a sink in this process, without an entry point.

    Raises
    ------
    TypeError
        Where it is no `TelemetrySink`.
    """
    if not isinstance(sink, TelemetrySink):
        raise TypeError(f"{sink!r} is not a TelemetrySink")
    register(entrypoints.TELEMETRY, sink.name, sink)


def emit_event(
    analysis: Any, event_type: str, ledger: object = None, **data: Any
) -> TelemetryEvent:
    """Report something that happened to an analysis.

    A line goes to ``telemetry.jsonl`` in its run directory, if that is there. The sinks that the
    project enables receive it after the pass in which this is called, and not elsewhere.

    Parameters
    ----------
    analysis
        The analysis.
    event_type
        What it was, in a word.
    ledger
        Ignored: sinks are those of the project at work.
    **data
        More, such as numbers.
    """
    subject, name = analysis.key
    event = TelemetryEvent(
        datetime.now(timezone.utc).isoformat(), event_type, subject, name, analysis.rundir, data
    )
    QUEUE.append(event)
    folder = Path(event.rundir)
    if folder.is_dir():
        with suppress(OSError), (folder / "telemetry.jsonl").open("a") as file:
            file.write(event.to_json() + "\n")
    return event
