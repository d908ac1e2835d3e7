"""How every analysis stands: what ``asimov status`` shows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from asimov.engine.readiness import waiting_for
from asimov.ledger.needs import Key
from asimov.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Row:
    """One analysis.

    Attributes
    ----------
    since
        When it came into its state, as ISO 8601 in UTC.
    job_state
        ``idle``, ``running``, ``held``, ``unknown`` or None.
    progress
        Nodes or processes done of how many, or what the pipeline says.
    waiting_for
        What keeps it from going on, a line each.
    reason
        Why it is in its state.
    """

    subject: str
    name: str
    pipeline: str
    status: str
    job_id: int | None
    job_state: str | None
    progress: str | None
    since: str | None
    waiting_for: list[str]
    reason: str | None
    comment: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def rows(workspace: Workspace, keys: Iterable[Key]) -> list[Row]:
    """Return a row for each of some analyses."""
    return [_row(workspace, key) for key in keys]


def _row(workspace: Workspace, key: Key) -> Row:
    entry = workspace.contents.entries[key]
    record = workspace.records.get(key)
    status = workspace.status(key)
    waits: list[str] = []
    if status == "ready":
        waits = waiting_for(workspace, key)
    elif status in {"wait", "manual"}:
        waits = ["a person"]
    if record and record.job_detail and status not in {"stuck", "uploaded"}:
        waits.append(record.job_detail)
    active = status in {"running", "processing", "stop", "restart", "stuck"}
    comment = entry.data.get("comment")
    return Row(
        subject=key[0],
        name=key[1],
        pipeline=entry.pipeline,
        status=status,
        job_id=record.job_id if record else None,
        job_state=record.job_state if record and active else None,
        progress=record.progress if record else None,
        since=iso(record.since) if record else None,
        waiting_for=waits,
        reason=record.reason if record else None,
        comment=str(comment) if comment is not None else None,
    )


def iso(seconds: float) -> str:
    """Return a time in seconds since the epoch as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def ago(seconds: float) -> str:
    """Return a length of time as people say it: ``42s``, ``3m``, ``5h``, ``2d``."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"
