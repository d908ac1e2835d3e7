"""Observing: what schedulers say of jobs, and what that comes to for analyses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asimov.analysis import Analysis
from asimov.engine.attempts import LEAVING, found, give_up, launch, record_job
from asimov.engine.guard import HookError, call, guarded, overrides
from asimov.errors import AsimovError, SchedulerError, SchedulerUnreachableError
from asimov.ledger.database import JournalError
from asimov.ledger.needs import Key
from asimov.ledger.records import Attempt
from asimov.plugins import PluginError
from asimov.scheduler import Gone, JobState, Observation, Present, Unknown
from asimov.scheduler.dagfile import rescue_files
from asimov.states import allowed
from asimov.workspace import Workspace

Report = Callable[[str], None]

#: The state of a job that no source knows any more: a person has to say what became of it.
LOST = "lost"

#: What a pass has seen of a job: the job's state, a line about it, its progress.
Seen = tuple[str | None, str | None, str | None]


class Observer:
    """Takes what was observed of jobs and moves their analyses.

    Parameters
    ----------
    workspace
        The open project.
    report
        Takes a line for each thing that happened.
    dry_run
        Whether to say what would happen and change nothing.
    """

    def __init__(self, workspace: Workspace, report: Report, *, dry_run: bool = False) -> None:
        self.workspace = workspace
        self.report = report
        self.dry_run = dry_run
        self._seen: dict[Key, Seen] = {}

    def take(self, attempt: Attempt, answer: Observation) -> None:
        """Take one observation."""
        status = self.workspace.status(attempt.key)
        if status in LEAVING:
            self._leaving(attempt, answer, status)
        elif isinstance(answer, Present):
            self._present(attempt, answer, status)
        elif isinstance(answer, Gone):
            self._gone(attempt, answer)
        elif isinstance(answer, Unknown):
            if status != "stuck":  # which says why, and may remember that its job is held
                self._see(attempt.key, ("unknown", answer.reason, None))
        else:
            asked = ", ".join(answer.asked)
            detail = f"job {attempt.job_id} is not in the queue and nothing says how it ended"
            self._see(attempt.key, (LOST, f"{detail} (asked: {asked})", None))

    def write(self) -> None:
        """Record what was seen, where it differs from what was seen before."""
        changed = []
        for key, seen in self._seen.items():
            record = self.workspace.records.get(key)
            if record and (record.job_state, record.job_detail, record.progress) != seen:
                changed.append((key, *seen))
        if changed and not self.dry_run:
            self.workspace.journal.observed(changed)
            for key, state, detail, progress in changed:
                record = self.workspace.records[key]
                self.workspace.records[key] = record._replace(
                    job_state=state, job_detail=detail, progress=progress
                )

    def _see(self, key: Key, seen: Seen) -> None:
        self._seen[key] = seen

    def _move(self, key: Key, status: str, reason: str) -> None:
        before = self.workspace.status(key)
        if self.dry_run:
            self.report(f"{'/'.join(key)}: would go from {before} to {status}: {reason}")
            return
        if before == status:
            record = self.workspace.records.get(key)
            if record and record.reason != reason:
                self.workspace.journal.note(key, "monitor", "note", reason)
            return
        if self.workspace.move(key, status, "monitor", reason):
            self.report(f"{'/'.join(key)}: {before} -> {status}: {reason}")

    # --- the job is there

    def _present(self, attempt: Attempt, answer: Present, status: str) -> None:
        key = attempt.key
        progress = str(answer.progress) if answer.progress else None
        detail = answer.reason if answer.state is JobState.HELD else None
        self._see(key, (answer.state.value, detail, progress))
        going = "running" if attempt.stage == "run" else "processing"
        if answer.state is JobState.HELD:
            if status != "stuck":
                code = f" (code {answer.code})" if answer.code is not None else ""
                self._move(key, "stuck", f"job {answer.job_id} is held: {answer.reason}{code}")
            return
        if status == "stuck":
            record = self.workspace.records.get(key)
            if record is None or record.job_state != JobState.HELD.value:
                # It is stuck for another reason: its pipeline is asked again when the job ends.
                return
            self._move(key, going, f"job {answer.job_id} is {answer.state.value} again")
        if attempt.stage == "run" and not self.dry_run:
            self._call_while_running(key)

    def _call_while_running(self, key: Key) -> None:
        pipeline = self.workspace.contents.entries[key].pipeline
        try:
            for method in ("while_running", "check_progress"):
                if overrides(pipeline, method):
                    analysis = self.workspace.analysis(key)
                    answer = call(analysis, method)
                    self._heed(analysis)
                    if method == "check_progress" and (text := _one_line(answer)):
                        state, detail, _ = self._seen[key]
                        self._see(key, (state, detail, text))
        except HookError as error:
            self._move(key, "stuck", str(error))
        except JournalError:
            raise
        except AsimovError as error:
            state, _, progress = self._seen[key]
            self._see(key, (state, str(error), progress))

    def _heed(self, analysis: Analysis) -> None:
        """Move an analysis to the state that its pipeline has asked for while the job is there.

        Only to one in which the job is still looked after: its end is for the scheduler to tell.
        """
        asked, analysis.asked_status = analysis.asked_status, None
        if asked in {"stuck", "processing"} and allowed(
            self.workspace.status(analysis.key), asked, "monitor"
        ):
            self._move(analysis.key, asked, f"its pipeline {analysis.entry.pipeline} said so")

    # --- the job has ended

    def _gone(self, attempt: Attempt, answer: Gone) -> None:
        self._see(attempt.key, (None, None, str(answer.progress) if answer.progress else None))
        analysis = self.workspace.analysis(attempt.key)
        try:
            complete = self._is_complete(analysis, attempt, answer)
            if complete and attempt.stage == "run":
                self._complete(analysis, attempt, answer)
            elif complete:
                self._close(attempt, answer, "finished", f"post-processing: {ending(answer)}")
            else:
                self._incomplete(analysis, attempt, answer)
        except (PluginError, SchedulerUnreachableError) as error:
            self._see(attempt.key, ("unknown", f"{ending(answer)}; {error}", None))
        except JournalError:
            raise
        except AsimovError as error:
            # The attempt stays open: once the pipeline is mended the next pass asks it again.
            self._move(attempt.key, "stuck", str(error))

    def _is_complete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> bool:
        check = "detect_completion"
        if attempt.stage != "run":
            check = "detect_completion_processing"
            if not overrides(analysis.entry.pipeline, check):
                return answer.exit_code == 0
        found = call(analysis, check, keep=not self.dry_run)
        failed = answer.removed or answer.signal is not None or answer.exit_code not in {0, None}
        if failed and getattr(analysis.pipeline, "needs_success", False):
            return False
        with guarded(analysis, check):
            return bool(found)  # which an array has none of

    def _close(self, attempt: Attempt, answer: Gone, status: str, reason: str) -> None:
        """Record at once how a job ended and what that makes of its analysis."""
        with self.workspace.journal.transaction():
            self._end(attempt, answer)
            self._move(attempt.key, status, reason)

    def _end(self, attempt: Attempt, answer: Gone) -> None:
        if not self.dry_run:
            self.workspace.journal.ended(
                attempt.uid,
                "ended",
                exit_code=answer.exit_code,
                evidence=answer.evidence,
                reason=ending(answer),
            )

    def _complete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> None:
        reason = f"{ending(answer)} and it is complete"
        if self.dry_run or not overrides(analysis.entry.pipeline, "after_completion"):
            self._close(attempt, answer, "finished", reason)
            return
        after, job_id, error = launch(
            analysis, "processing", lambda: call(analysis, "after_completion")
        )
        if error:
            self._forget_unless_found(after)
            if isinstance(error, (PluginError, SchedulerUnreachableError)):
                raise error
            # What it did before it raised may not be safe twice: a person decides.
            self._close(attempt, answer, "stuck", str(error))
            return
        asked, analysis.asked_status = analysis.asked_status, None
        if asked == "processing" and job_id is None:
            job_id = found(self.workspace, after)
            if job_id is None:
                told = f"{analysis.entry.pipeline}.after_completion submitted nothing"
                self._close(attempt, answer, "stuck", f"{reason}, but {told}")
                return
        with self.workspace.journal.durably():
            self._end(attempt, answer)
            if job_id is not None:
                reason += f"; job {job_id} processes it"
                record_job(self.workspace, after, job_id, "processing", "monitor", reason)
                self.report(f"{'/'.join(attempt.key)}: {reason}")
            else:
                give_up(self.workspace, after, "no post-processing was submitted")
                self._move(attempt.key, "stuck" if asked == "stuck" else "finished", reason)

    def _forget_unless_found(self, attempt: Attempt) -> None:
        try:
            job_id = found(self.workspace, attempt)
            if job_id is not None:
                self.workspace.scheduler(attempt.scheduler).remove(job_id, "its pipeline failed")
        except SchedulerError:
            return  # the attempt stays open, and the next pass looks for its job
        if job_id is not None:
            self.workspace.journal.ended(
                attempt.uid, "ended", exit_code=None, evidence="removal",
                reason=f"job {job_id} was removed: its pipeline failed",
            )  # fmt: skip

    def _incomplete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> None:
        missing = _names(call(analysis, "missing_outputs", keep=False))
        reason = f"{ending(answer)}, but it is not complete"
        if missing:
            reason += f": {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''} missing"
        if said := _last_words(analysis):
            reason += f"; it said: {said}"
        final = self.dry_run or answer.removed or attempt.stage != "run"
        if final or not self._can_resurrect(analysis):
            self._close(attempt, answer, "stuck", reason)
            return
        again, job_id, error = launch(analysis, "run", lambda: call(analysis, "resurrect"))
        if job_id is None:
            job_id = found(self.workspace, again)
        with self.workspace.journal.durably():
            self._end(attempt, answer)
            if job_id is not None:
                told = f"{reason}; submitted again as job {job_id}"
                record_job(self.workspace, again, job_id, "running", "monitor", told)
                self.report(f"{'/'.join(attempt.key)}: {told}")
            else:
                self._move(attempt.key, "stuck", f"{reason}; {error}" if error else reason)

    def _can_resurrect(self, analysis: Analysis) -> bool:
        if overrides(analysis.entry.pipeline, "resurrect"):
            return True
        # The base class's would do nothing, and leave an attempt behind that tells of it.
        with guarded(analysis, "dag_file"):
            dag_file = getattr(analysis.pipeline, "dag_file", None)
            return dag_file is not None and bool(rescue_files(dag_file))

    # --- the job is on its way out

    def _leaving(self, attempt: Attempt, answer: Observation, status: str) -> None:
        name = "/".join(attempt.key)
        if isinstance(answer, Unknown):
            self._see(attempt.key, ("unknown", answer.reason, None))
        elif isinstance(answer, Present):
            self._see(attempt.key, (answer.state.value, "is being removed", None))
            if self.dry_run:
                self.report(f"{name}: job {answer.job_id} would be removed")
                return
            analysis = self.workspace.analysis(attempt.key)
            try:
                # The project may have another scheduler by now, which numbers its own jobs.
                scheduler = self.workspace.scheduler(attempt.scheduler)
                with guarded(analysis, "__init__"):
                    own = hasattr(analysis.pipeline, "eject_job")
                    analysis.pipeline._scheduler = scheduler
                if own:
                    call(analysis, "eject_job")
                else:
                    scheduler.remove(answer.job_id, "removed by asimov")
                self.report(f"{name}: job {answer.job_id} is being removed")
            except (PluginError, SchedulerUnreachableError) as error:
                self._see(attempt.key, ("unknown", str(error), None))
            except JournalError:
                raise
            except AsimovError as error:
                if status == "cancelled":
                    # It stays so, and the next pass asks again for the job to be removed.
                    self._see(attempt.key, (answer.state.value, str(error), None))
                    self.report(f"{name}: {error}")
                else:
                    self._move(attempt.key, "stuck", str(error))
        elif not self.dry_run:
            # For a job that is to go, that nobody has it is enough.
            self._see(attempt.key, (None, None, None))
            evidence = answer.evidence if isinstance(answer, Gone) else "absence"
            self.workspace.journal.ended(
                attempt.uid, "ended", exit_code=None, evidence=evidence, reason=f"left for {status}"
            )


def ending(answer: Gone) -> str:
    """Say in words how a job ended."""
    if answer.removed:
        return f"job {answer.job_id} was removed" + (f": {answer.reason}" if answer.reason else "")
    if answer.signal is not None:
        return f"job {answer.job_id} was ended by signal {answer.signal}"
    text = f"job {answer.job_id} ended"
    if answer.exit_code is not None:
        text += f" with exit code {answer.exit_code}"
    if answer.progress and answer.progress.failed:
        text += f" ({answer.progress})"
    return text


def _last_words(analysis: Analysis) -> str:
    """Return the last line of the newest error file that is not empty."""
    try:
        logs = call(analysis, "collect_logs", keep=False)
    except AsimovError:
        return ""
    if not isinstance(logs, Mapping):
        return ""
    for name in sorted(logs, key=lambda each: not str(each).endswith(".err")):
        lines = [line for line in str(logs[name]).splitlines() if line.strip()]
        if lines and str(name).endswith(".err"):
            return f"{lines[-1].strip()[:200]} ({name})"
    return ""


def _names(answer: Any) -> list[str]:
    """Return what `missing_outputs` says as a list."""
    if isinstance(answer, (list, tuple, set)):
        return [str(each) for each in answer]
    return [str(answer)] if answer else []


def _one_line(answer: Any) -> str:
    """Return what `check_progress` says as one line."""
    if isinstance(answer, dict):
        answer = "; ".join(f"{key}: {value}" for key, value in answer.items())
    return " ".join(str(answer).split())[:200] if answer else ""
