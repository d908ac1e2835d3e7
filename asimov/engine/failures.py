"""Describe how a job failed, and decide whether and when it is submitted again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from asimov.errors import AsimovError, ReportedError, SchedulerError
from asimov.journal.records import Attempt
from asimov.ledger.reserved import OF_FAILURES
from asimov.pipeline.base import MAX_RESURRECTIONS, RESURRECTION_PAUSE
from asimov.plugins.methods import call_method, guarded, overrides
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone
from asimov.scheduler.languages.dag_outputs import rescue_files
from asimov.scheduler.observations import Failure
from asimov.system import clock
from asimov.system.reading import tail

#: How many lines and characters of an error file are kept, and of how many files.
LINES, CHARACTERS, FILES = 20, 4000, 3
#: How many failed jobs in one pass the scheduler is asked about: each costs a question or two to a
#: schedd that others use too. For the rest, the files in the run directory must do.
ASKED = 20
#: How often a pause is doubled at most.
_DOUBLINGS = 20


# --- how it failed


class Words(msgspec.Struct, frozen=True):
    """The report on a job that ended without completing its analysis.

    Attributes
    ----------
    reason
        One line.
    failed
        What failed, in one line; empty if only the job's end is known.
    details
        The last lines of error files; None if there are none.
    """

    reason: str
    failed: str = ""
    details: str | None = None


def words(
    workspace: Workspace, analysis: Analysis, attempt: Attempt, answer: Gone, *, ask: bool = True
) -> Words:
    """Describe how a job failed: what is missing, what failed, and its error output.

    Parameters
    ----------
    workspace, analysis, attempt, answer
        The job's analysis and attempt, and how the job ended.
    ask
        Whether the scheduler may be asked what failed.
    """
    missing = _names(call_method(analysis, "missing_outputs", keep=False))
    # A job that fails need not lack anything.
    but = "but" if missing or answer.exit_code == 0 else "so"
    reason = f"{answer.ending}, {but} it is not complete"
    if missing:
        reason += f": {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''} missing"
    failures = [] if answer.removed or not ask else _failures(workspace, attempt, answer)
    failed = _summary(failures)
    if failures and failures[0].node is not None:
        reason += f"; {failed}"
    said, details = _said(failures, Path(analysis.rundir))
    if not said:
        said, details = _last_words(analysis)
    if said:
        reason += f"; it said: {said}"
    return Words(reason, failed or (answer.ending if details else ""), details)


def _failures(workspace: Workspace, attempt: Attempt, answer: Gone) -> list[Failure]:
    try:
        scheduler = workspace.scheduler(attempt.scheduler, attempt.place)
        return list(scheduler.failures(answer.job_id, attempt.intended))
    except SchedulerError:
        return []  # it would only add detail


def _summary(failures: list[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    what = f"job {first.job_id}" if first.node is None else f"node {first.node}"
    if first.signal is not None:
        what += f" was ended by signal {first.signal}"
    elif first.exit_code is not None:
        what += f" failed with exit code {first.exit_code}"
    else:
        what += " failed"
    if first.reason:
        what += f": {' '.join(first.reason.split())}"
    others = [each.node for each in failures[1:] if each.node is not None]
    if others:
        what += f" (so did {', '.join(others[:3])}{' ...' if len(others) > 3 else ''})"
    return what


def _said(failures: list[Failure], rundir: Path) -> tuple[str, str | None]:
    """Return the last line that the first failure wrote, and the last lines of all."""
    said, parts = "", []
    for failure in failures[:FILES]:
        path, text = _written(failure)
        if path is None:
            continue
        name = str(path.relative_to(rundir)) if path.is_relative_to(rundir) else str(path)
        parts += [f"{_summary([failure])}; the end of {name}:", text]
        if not said and failure is failures[0]:
            said = f"{text.splitlines()[-1].strip()[:200]} ({name})"
    return said, "\n".join(parts) or None


def _written(failure: Failure) -> tuple[Path | None, str]:
    """Return the first of its output files that is not empty, and its last lines."""
    for file in (failure.error_file, failure.output_file):
        if file is None or not Path(file).is_file():
            continue
        text = tail(Path(file), LINES).rstrip()[-CHARACTERS:]
        if text.strip():
            return Path(file), text
    return None, ""


def _last_words(analysis: Analysis) -> tuple[str, str | None]:
    """Return the last line and the last lines of an error file that is not empty."""
    try:
        logs = call_method(analysis, "collect_logs", keep=False)
    except ReportedError:
        return "", None
    if not isinstance(logs, Mapping):
        return "", None
    for name in sorted(logs, key=lambda each: not str(each).endswith(".err")):
        lines = [line for line in str(logs[name]).splitlines() if line.strip()]
        if lines and str(name).endswith(".err"):
            end = "\n".join(str(logs[name]).splitlines()[-LINES:]).rstrip()[-CHARACTERS:]
            return f"{lines[-1].strip()[:200]} ({name})", f"the end of {name}:\n{end}"
    return "", None


def _names(answer: Any) -> list[str]:
    """Return the answer of `missing_outputs` as a list."""
    if isinstance(answer, (list, tuple, set)):
        return [str(each) for each in answer]
    return [str(answer)] if answer else []


# --- whether it is submitted again


class Retry(msgspec.Struct, frozen=True):
    """A submission that follows a failure.

    Attributes
    ----------
    number, of
        Which retry it would be, and how many are allowed; none is left if `number` is larger.
    due
        When it may be made, in seconds since the epoch.
    """

    number: int
    of: int
    due: float

    @property
    def allowed(self) -> bool:
        """Whether any retries are left."""
        return self.number <= self.of

    @property
    def count(self) -> str:
        """Which retry it would be, for people."""
        return f"({self.number} of {self.of})"


def retry(workspace: Workspace, analysis: Analysis, attempt: Attempt, answer: Gone) -> Retry | None:
    """Decide whether and when a job that failed is submitted again.

    No state is kept for this: the attempts are in the journal, and each pass sees the job's end
    again until the retry is due.

    Returns
    -------
    Retry or None
        None if it can't be submitted again: the job was removed, it was post-processing, or it is
        a DAG that left no rescue file.

    Raises
    ------
    AsimovError
        If the settings ``max resurrections`` or ``resurrection pause`` are not valid numbers.
    """
    if answer.removed or attempt.stage != "run" or not _can_resurrect(analysis):
        return None
    most = _number(analysis, "max resurrections", MAX_RESURRECTIONS)
    # On one machine there is no pool whose condition may improve in a minute.
    pause = _number(
        analysis, "resurrection pause", 0 if attempt.scheduler == "local" else RESURRECTION_PAUSE
    )
    done = _resurrections(workspace, attempt)
    pause *= 2.0 ** min(done, _DOUBLINGS)
    now = clock.now()
    return Retry(done + 1, int(most), min(_ended(workspace, attempt, answer), now) + pause)


def _can_resurrect(analysis: Analysis) -> bool:
    with guarded(analysis, "would_fail_again"):
        if getattr(analysis.pipeline, "would_fail_again", False):
            return False
    if overrides(analysis.entry.pipeline, "resurrect"):
        return True
    # The base class's method would do nothing and leave a pointless attempt.
    with guarded(analysis, "dag_file"):
        dag_file = getattr(analysis.pipeline, "dag_file", None)
        return dag_file is not None and bool(rescue_files(dag_file))


def _resurrections(workspace: Workspace, attempt: Attempt) -> int:
    """Return how often the analysis was submitted again since it was last made ready."""
    events = workspace.journal.events(*attempt.key)
    ready = max((event.time for event in events if event.after == "ready"), default=0.0)
    made = [
        each
        for each in workspace.journal.attempts(attempt.key)
        if each.stage == "run" and each.state in {"submitted", "ended"} and each.intended >= ready
    ]
    return max(0, len(made) - 1)


def _ended(workspace: Workspace, attempt: Attempt, answer: Gone) -> float:
    record = workspace.records.get(attempt.key)
    seen = record.job_since if record and record.job_state is None else None
    return answer.ended_at or max(seen or 0.0, attempt.submitted or attempt.intended)


def _number(analysis: Analysis, setting: str, otherwise: float) -> float:
    value = analysis.meta.get(setting, otherwise)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        if 0 <= number < 1e9:
            return number
    raise AsimovError(
        f"{setting}: should be {OF_FAILURES[setting][1]}, not {value!r}",
        hint=f"correct it in the ledger, in the settings of {analysis.key}",
    )
