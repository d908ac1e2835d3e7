"""List the state of every analysis, as ``asimov status`` shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from asimov.discovery import entrypoints
from asimov.engine.diagnosis.refusals import standing
from asimov.engine.questions.shown import asked_data, first_line
from asimov.engine.readiness import waiting_for
from asimov.engine.rerun.due import AGAIN, TOO_OFTEN
from asimov.engine.run_times import Experience
from asimov.engine.staleness.inputs import in_doubt, is_made_again
from asimov.engine.staleness.verdicts import outdated
from asimov.engine.submission_limits import deferral
from asimov.journal import measurements
from asimov.journal.keys import Key
from asimov.journal.questions import Asked, Questions
from asimov.journal.records import Record
from asimov.journal.reruns import Requests
from asimov.ledger.layout import file_of
from asimov.project.removed import unlisted
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

#: The state of a job that no source knows any more: a person must say what became of it.
LOST = "lost"
#: States of jobs that are shown instead of `running`; `submitted` is one that was not seen yet.
OF_JOBS = ("submitted", "idle", "held", "unknown", LOST)
#: States in which a person has to look at an analysis, the most urgent first.
URGENT = ("stuck", LOST, "held", "asking", "review")


def shown_state(status: str, job_state: str | None) -> str:
    """Return the state of an analysis as people see it: a job that waits does not run.

    Parameters
    ----------
    status
        The state of the analysis.
    job_state
        The state of its job, as of `Record.job_state`.
    """
    if job_state == LOST and status != "stuck":
        return LOST
    if status != "running":
        return status
    return job_state or "submitted"


class Row(Struct, frozen=True):
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
    state
        Its state as people see it; see `shown_state`.
    run_time
        How long it ran, or has run until now, in seconds, from the start of its job; None before.
    started
        When its job began to run (ISO 8601, UTC).
    estimate, estimate_basis
        The seconds that a running analysis may still need, judging by similar earlier runs, and
        which; see `asimov.engine.run_times`. None where there is nothing to go by.
    outdated
        What has changed since it ran, a line each; empty if its result is current.
    in_doubt
        The out-of-date analyses, as ``subject/name``, from which it was made; its own result is
        current as long as they come out the same when they are made again.
    remade
        The analyses from which it was made and which are being made again.
    pending_rerun
        The open request to run it again if its inputs change: ``by``, ``at`` and ``reason``.
    question
        What an analysis in the state ``asking`` asks, as of `asked_data`; else None.
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
    state: str = ""
    run_time: float | None = None
    started: str | None = None
    estimate: float | None = None
    estimate_basis: str | None = None
    outdated: list[str] = []
    in_doubt: list[str] = []
    remade: list[str] = []
    pending_rerun: dict[str, str] | None = None
    question: dict[str, Any] | None = None

    @property
    def urgent(self) -> bool:
        """Whether a person has to look at it; also if the ledger lacks it."""
        given_up = self.reason == TOO_OFTEN and bool(self.outdated)
        return self.state in URGENT or not self.pipeline or given_up

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return structs.asdict(self)


def rows(workspace: Workspace, keys: Iterable[Key]) -> list[Row]:
    """Return a row for each of some analyses."""
    return Rows(workspace).of(keys)


class Rows:
    """Makes rows of a project for as long as nothing in its ledger and journal changes.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        journal = workspace.journal
        self._put_off = deferral(workspace)
        self._begun = journal.begun()
        self._measured = measurements.of_attempts(journal)
        self._requests = Requests(journal).all()
        self._questions = Questions(journal).open()

    def of(self, keys: Iterable[Key]) -> list[Row]:
        """Return a row for each of some analyses."""
        workspace, asked = self._workspace, list(keys)
        records = [workspace.records.get(key) for key in asked]
        seeds = workspace.journal.seeds([each.uid for each in records if each and each.uid])
        past = Experience(workspace, asked)
        old = outdated(workspace, asked)
        doubts = in_doubt(workspace, asked, old)
        found = [self._row(key, seeds, past) for key in asked]
        if not (old or doubts or self._requests):
            return found
        again = {
            each for roots in doubts.values() for each in roots if is_made_again(workspace, each)
        }
        return [
            structs.replace(
                row,
                outdated=[each.text for each in old.get(key, ())],
                waiting_for=[*row.waiting_for, *_given_up(row, key in old)],
                in_doubt=[str(each) for each in doubts.get(key, ()) if each not in again],
                remade=[str(each) for each in doubts.get(key, ()) if each in again],
                pending_rerun=(self._requests[key].as_json() if key in self._requests else None),
            )
            for key, row in zip(asked, found, strict=True)
        ]

    def _row(self, key: Key, seeds: Mapping[str, int], past: Experience) -> Row:
        workspace = self._workspace
        entry = workspace.contents.entries[key]
        record = workspace.records.get(key)
        status = workspace.status(key)
        question = self._questions.get(key) if status == "asking" else None
        waits = self._waits(key, entry.pipeline, status, record, question)
        comment = entry.data.get("comment")
        known = self._measured.get(record.uid or "") if record else None
        left = known.remaining(clock.now()) if known else None
        seen = _of_record(record)
        if left is not None:
            seen["progress"] = f"{seen['progress']} ({clock.age(left)} left)"
        ran = past.run_times.get(key) if _has_run(status) else None
        guess = past.estimate(key) if ran and STATES[status].active and ran.ended is None else None
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
            state=shown_state(status, seen["job_state"]),
            run_time=ran.seconds(clock.now()) if ran else None,
            started=clock.iso(ran.started) if ran else None,
            estimate=round(guess.remaining) if guess else None,
            estimate_basis=guess.basis if guess else None,
            question=asked_data(question) if question else None,
        )

    def _waits(
        self, key: Key, pipeline: str, status: str, record: Record | None, question: Asked | None
    ) -> list[str]:
        """Return what an analysis waits for, a line each."""
        waits: list[str] = []
        if status == "ready":
            begun = self._begun.get(key)
            waits = waiting_for(self._workspace, key)
            if not entrypoints.is_known(entrypoints.PIPELINES, pipeline):
                waits.append(str(entrypoints.unknown(entrypoints.PIPELINES, pipeline)))
            if begun is not None and not (record and record.job_detail):
                waits.append(f"attempt {begun} began: it is not known yet whether it made a job")
            elif not waits and self._put_off:
                waits.append(self._put_off)
        elif status in {"wait", "manual"}:
            waits = ["a person"]
        elif question:
            waits = [f"an answer: {first_line(question.said)}"]
        elif status in {"restart", "stop"}:
            waits = ["the next monitor pass"]
        if record and record.job_detail and status not in {"stuck", "uploaded"}:
            waits.append(_with_time(record, standing(self._workspace, record) or ""))
        return waits


def _given_up(row: Row, is_old: bool) -> list[str]:
    """Return what a row waits for if it is no longer run again by itself."""
    return [f"a person, after {AGAIN}"] if is_old and row.reason == TOO_OFTEN else []


def by_urgency(found: Iterable[Row]) -> list[Row]:
    """Return rows in an order for people: what needs a person first, the rest as it was."""

    def place(row: Row) -> int:
        return URGENT.index(row.state) if row.state in URGENT else len(URGENT) + (not row.urgent)

    return sorted(found, key=place)


def totals(found: Iterable[Row]) -> dict[str, int]:
    """Return how many analyses are in each state, what needs a person first."""
    counts = Counter(row.state for row in found)
    order = [*URGENT, "running", *OF_JOBS, *STATES]
    known = [state for state in dict.fromkeys(order) if state in counts]
    return {state: counts[state] for state in dict.fromkeys([*known, *counts])}


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
    broken = workspace.contents.broken
    for key, record in workspace.records.items() if broken else ():
        error = broken.get(file_of(key))
        if error is not None and subject in {None, key[0]}:
            found.append(_unlisted_row(record, str(error)))
    for record in unlisted(workspace, subject):
        why = f"it is missing from ledger/{file_of(record.key)}"
        found.append(_unlisted_row(record, why))
    return found


def _unlisted_row(record: Record, why: str) -> Row:
    seen = _of_record(record)
    state = shown_state(record.status, seen["job_state"])
    return Row(*record.key, "", record.status, **seen, waiting_for=[why], state=state)


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


def _has_run(status: str) -> bool:
    """Return whether an analysis's last run belongs to the state that it is in now."""
    return status not in {"ready", "wait", "restart", "manual"}


def _with_time(record: Record, detail: str) -> str:
    """Return the line about a job, with the time since it became unknown if it is."""
    if record.job_state == "unknown" and record.job_since:
        return f"unknown for {clock.age(clock.now() - record.job_since)}: {detail}"
    return detail
