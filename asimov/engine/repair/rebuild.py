"""Complete a salvaged journal with the attempts and states that the evidence shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.discovery.entrypoints import PluginError
from asimov.engine.repair.decide import Decision, Trace, decide
from asimov.engine.repair.evidence import Evidence
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.ledger.contents import Contents
from asimov.plugins.methods import overrides
from asimov.project.layout import Project
from asimov.states import ALIASES, STATES
from asimov.system import clock, progress


def rebuild(
    project: Project, contents: Contents, journal: Journal, evidence: Evidence,
    incomplete: set[str], *, ready: bool,
) -> dict[Key, Decision]:  # fmt: skip
    """Complete a journal that holds the salvaged rows.

    Parameters
    ----------
    project, contents
        The project and its ledger.
    journal
        The new journal.
    evidence
        What is known about jobs that it lacks.
    incomplete
        The tables that could not be read completely.
    ready
        Whether analyses without any trace are made ready.

    Returns
    -------
    dict
        The inferred states, by analysis.
    """
    records = journal.records()
    attempts = _attempts(journal)
    states = {
        (event.subject, event.name): event.after
        for event in journal.events()
        if event.after in STATES
    }
    decisions = {}
    known = dict.fromkeys([*contents.entries, *records, *attempts, *evidence.jobs])
    for key in progress.over(known, "rebuilding"):
        entry = contents.entries.get(key)
        data: Mapping[str, Any] = entry.data if entry else {}
        first = str(data.get("status") or "ready")
        trace = Trace(
            record=records.get(key),
            attempts=tuple(attempts.get(key, ())),
            last_state=states.get(key),
            jobs=tuple(evidence.jobs.get(key, ())),
            stored=key in evidence.stored,
            begun=key in evidence.begun,
            first=ALIASES.get(first, first),
            processes=entry is not None and _processes(entry.pipeline),
            asked=evidence.asked,
            unrecorded="analyses" in incomplete,
            forgotten=bool({"analyses", "attempts"} & incomplete),
        )
        decision = decide(trace, ready=ready)
        if decision is not None:
            decisions[key] = decision
        _write(project, journal, key, trace, decision, evidence.place)
    return decisions


def _processes(pipeline: str) -> bool:
    try:
        return overrides(pipeline, "after_completion")
    except PluginError:  # not loadable: assume that it does
        return True


def _attempts(journal: Journal) -> dict[Key, list[Attempt]]:
    keys = [Key(*row) for row in journal.rows("SELECT DISTINCT subject, name FROM attempts")]
    return {key: journal.attempts(key) for key in keys}


def _write(
    project: Project,
    journal: Journal,
    key: Key,
    trace: Trace,
    decision: Decision | None,
    place: str,
) -> None:
    """Write the missing attempts of an analysis, and its state."""
    number = max((attempt.number for attempt in trace.attempts), default=0)
    name = project.config.get("scheduler", "type", fallback="local").lower()
    now = clock.now()
    for job in trace.jobs:
        number += 1
        is_open = decision is not None and decision.open == job.uid
        journal.write(
            "INSERT INTO attempts (uid, subject, name, number, stage, scheduler, place, state, "
            "job_id, intended, submitted, ended, exit_code, evidence, reason, logs) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.uid, *key, number,
                decision.stage if decision is not None and is_open else "run",
                name, place,
                "submitted" if is_open else "ended",
                job.job_id, job.since, job.since,
                None if is_open else now,
                None if is_open else getattr(job.answer, "exit_code", None),
                None if is_open else "repair",
                None if is_open else "found when the journal was rebuilt",
                "\n".join(project.stored(log) for log in job.logs),
            ),
        )  # fmt: skip
    if decision is None:
        return
    for attempt in trace.attempts:
        if attempt.state in {"intended", "submitted"} and attempt.uid != decision.open:
            journal.ended(attempt.uid, "ended", evidence="repair", reason=decision.reason)
    if decision.before is None:
        journal.add([(key, decision.status, decision.reason)], "repair")
    elif decision.before != decision.status:
        journal.set_status(key, decision.before, decision.status, "repair", decision.reason)
    else:
        journal.note(key, "repair", "repair", decision.reason)
    numbers = {job.uid: job.job_id for job in trace.jobs}
    numbers.update({attempt.uid: attempt.job_id for attempt in trace.attempts})
    if decision.open is not None:
        journal.write(
            "UPDATE analyses SET uid = ?, job_id = ? WHERE subject = ? AND name = ?",
            (decision.open, numbers[decision.open], *key),
        )
