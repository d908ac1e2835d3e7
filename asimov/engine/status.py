"""List the state of every analysis, as ``asimov status`` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from asimov.discovery import entrypoints
from asimov.engine.readiness import waiting_for
from asimov.engine.submission_limits import deferral
from asimov.journal import measurements
from asimov.journal.keys import Key
from asimov.journal.measurements import Measurements
from asimov.journal.records import Record
from asimov.project.lookup import file_of
from asimov.project.removed import unlisted
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

#: The state of a job that no source knows any more: a person must say what became of it.
LOST = "lost"


@dataclass(frozen=True, slots=True)
class Row:
    """One analysis.

    Attributes
    ----------
    since
        When it came into its state (ISO 8601, UTC).
    job_state
        ``idle``, ``running``, ``held``, ``unknown``, ``lost`` or None.
    progress
        Nodes or processes done and their total, or what the pipeline reports.
    fraction, step, remaining
        How far its job is, from 0 to 1, what it does, and the seconds that are left at the pace so
        far; None where its pipeline does not report a fraction, or only one so far.
    waiting_for
        What it waits for, a line each.
    reason
        Why it is in its state.
    job_since
        When its job was first seen in `job_state` (ISO 8601, UTC).
    seed
        The seed of its last attempt, if its jobs got one.
    """

    subject: str
    name: str
    pipeline: str
    status: str
    job_id: int | None
    job_state: str | None
    progress: str | None
    since: str | None
    reason: str | None
    waiting_for: list[str]
    comment: str | None = None
    job_since: str | None = None
    fraction: float | None = None
    step: str | None = None
    remaining: float | None = None
    seed: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def rows(workspace: Workspace, keys: Iterable[Key]) -> list[Row]:
    """Return a row for each of some analyses."""
    put_off = deferral(workspace)
    begun = {a.key: a.number for a in workspace.journal.open_attempts() if a.state == "intended"}
    measured = measurements.of_attempts(workspace.journal)
    seeds = workspace.journal.seeds()
    return [_row(workspace, key, put_off, begun.get(key), measured, seeds) for key in keys]


def without_entry(workspace: Workspace, subject: str | None = None) -> list[Row]:
    """Return a row for each analysis that only the journal knows.

    Its ledger file can't be used, or it is missing from the ledger.

    Parameters
    ----------
    workspace
        The open project.
    subject
        The only subject to look at; by default all are.
    """
    found = []
    for key, record in workspace.records.items():
        error = workspace.contents.broken.get(file_of(key))
        if error is not None and subject in {None, key[0]}:
            seen = _of_record(record)
            found.append(Row(*key, "", record.status, **seen, waiting_for=[str(error)]))
    for record in unlisted(workspace, subject):
        why = f"it is missing from ledger/{file_of(record.key)}"
        found.append(Row(*record.key, "", record.status, **_of_record(record), waiting_for=[why]))
    return found


def _of_record(record: Record | None) -> dict[str, Any]:
    """Return the columns that come from the journal."""
    if record is None:
        return dict.fromkeys(("job_id", "job_state", "progress", "since", "reason", "job_since"))
    active = STATES[record.status].active or record.status == "stuck"
    return {
        "job_id": record.job_id,
        "job_state": record.job_state if active else None,
        "progress": record.progress,
        "since": clock.iso(record.since),
        "reason": record.reason,
        "job_since": clock.iso(record.job_since) if active and record.job_since else None,
    }


def _row(
    workspace: Workspace,
    key: Key,
    put_off: str | None,
    begun: int | None,
    measured: Mapping[str, Measurements],
    seeds: Mapping[str, int],
) -> Row:
    entry = workspace.contents.entries[key]
    record = workspace.records.get(key)
    status = workspace.status(key)
    waits: list[str] = []
    if status == "ready":
        waits = waiting_for(workspace, key)
        if not entrypoints.is_known(entrypoints.PIPELINES, entry.pipeline):
            waits.append(str(entrypoints.unknown(entrypoints.PIPELINES, entry.pipeline)))
        if begun is not None and not (record and record.job_detail):
            waits.append(f"attempt {begun} was begun: whether it made a job is not known yet")
        elif not waits and put_off:
            waits.append(put_off)
    elif status in {"wait", "manual"}:
        waits = ["a person"]
    elif status in {"restart", "stop"}:
        waits = ["the next monitor pass"]
    if record and record.job_detail and status not in {"stuck", "uploaded"}:
        waits.append(_with_time(record))
    comment = entry.data.get("comment")
    known = measured.get(record.uid or "") if record else None
    left = known.remaining(clock.now()) if known else None
    seen = _of_record(record)
    if left is not None:
        seen["progress"] = f"{seen['progress']} ({clock.age(left)} left)"
    return Row(
        *key,
        entry.pipeline,
        status,
        **seen,
        waiting_for=waits,
        comment=str(comment) if comment is not None else None,
        fraction=known.fraction if known else None,
        step=known.step if known else None,
        remaining=None if left is None else round(left),
        seed=seeds.get(record.uid or "") if record else None,
    )


def _with_time(record: Record) -> str:
    """Return the line about a job, with the time since it became unknown if it is."""
    detail = record.job_detail or ""
    if record.job_state == "unknown" and record.job_since:
        return f"unknown for {clock.age(clock.now() - record.job_since)}: {detail}"
    return detail
