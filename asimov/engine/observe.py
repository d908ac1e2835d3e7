"""Turn schedulers' answers about jobs into changes of their analyses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asimov.discovery.entrypoints import PluginError
from asimov.engine import failures, running_jobs
from asimov.engine.attempts import LEAVING, found, give_up, launch, record_job
from asimov.engine.failures import Retry, Words
from asimov.engine.follow_up import fault_of_products
from asimov.engine.holds import Outcome, tend
from asimov.engine.provenance.gather import Gatherer
from asimov.engine.questions.asking import ask, open_question
from asimov.engine.refresh import may_be_old
from asimov.engine.status import LOST
from asimov.errors import AsimovError, SchedulerError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.journal.run_times import record_starts
from asimov.pipeline.questions import Question
from asimov.plugins import custom_states
from asimov.plugins.methods import call_method, guarded, overrides
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, JobState, Observation, Present, Scheduler, Unknown
from asimov.states import allowed
from asimov.system import clock
from asimov.text import joined

#: What a pass saw of a job: its state, a line about it, and its progress.
Seen = tuple[str | None, str | None, str | None]


class Observer:
    """Takes observations of jobs and moves their analyses on.

    Parameters
    ----------
    workspace
        The open project.
    report
        Takes a line for each event.
    dry_run
        Whether to report what would happen and change nothing.
    from_logs
        Whether only event logs were read. They show a job's states and its end, and nothing about
        the nodes of a DAG.
    """

    def __init__(
        self,
        workspace: Workspace,
        report: Callable[[str], None],
        *,
        dry_run: bool = False,
        from_logs: bool = False,
    ) -> None:
        self.workspace = workspace
        self.report = report
        self.dry_run = dry_run
        self.from_logs = from_logs
        self._seen: dict[Key, Seen] = {}
        self._starts: dict[str, float] = {}
        self._failed = 0
        #: The analyses whose products were checked and may be stored.
        self.checked: set[Key] = set()

    def take(self, attempt: Attempt, answer: Observation) -> None:
        """Take one observation."""
        status = self.workspace.status(attempt.key)
        if status in LEAVING:
            self._leaving(attempt, answer, status)
        elif isinstance(answer, Present):
            self._present(attempt, answer, status)
        elif isinstance(answer, Gone):
            self._gone(attempt, answer)
        elif isinstance(answer, Unknown) and answer.absent:
            self._seen[attempt.key] = (LOST, answer.reason, None)
        elif isinstance(answer, Unknown):
            if status != "stuck":  # keep its reason, and that its job was held
                self._seen[attempt.key] = ("unknown", answer.reason, None)
        else:
            detail = f"job {attempt.job_id} is not in the queue, and nothing shows how it ended"
            self._seen[attempt.key] = (LOST, f"{detail} (asked: {', '.join(answer.asked)})", None)

    def write(self) -> None:
        """Record what differs from what was seen before."""
        changed = []
        for key, seen in self._seen.items():
            record = self.workspace.records.get(key)
            if record and (record.job_state, record.job_detail, record.progress) != seen:
                changed.append((key, *seen))
        if self._starts and not self.dry_run:
            record_starts(self.workspace.journal, self._starts)
        if changed and not self.dry_run:
            self.workspace.journal.observed(changed)
            now = clock.now()
            for key, state, detail, progress in changed:
                record = self.workspace.records[key]
                self.workspace.records[key] = record._replace(
                    job_state=state,
                    job_detail=detail,
                    progress=progress,
                    job_since=record.job_since if record.job_state == state else now,
                )

    def _scheduler(self, attempt: Attempt) -> Scheduler:
        return self.workspace.scheduler(attempt.scheduler, attempt.place)

    def _move(self, key: Key, status: str, reason: str) -> None:
        before = self.workspace.status(key)
        if self.dry_run:
            self.report(f"{key}: would go from {before} to {status}: {reason}")
            return
        if before == status:
            record = self.workspace.records.get(key)
            if record and record.reason != reason:
                self.workspace.give_reason(key, "monitor", reason)
            return
        if self.workspace.move(key, status, "monitor", reason):
            self.report(f"{key}: {before} -> {status}: {reason}")

    # --- the job is in the queue

    def _note_start(self, attempt: Attempt, answer: Present) -> None:
        if attempt.started is None:
            if answer.started is not None:
                self._starts[attempt.uid] = answer.started
            elif answer.progress and answer.progress.running:
                self._starts[attempt.uid] = clock.now()

    def _present(self, attempt: Attempt, answer: Present, status: str) -> None:
        key = attempt.key
        progress = str(answer.progress) if answer.progress else None
        self._note_start(attempt, answer)
        if self.from_logs and (record := self.workspace.records.get(key)):
            progress = progress or record.progress
            if record.job_state == JobState.HELD.value and not answer.held:
                return  # a node may be held: only the scheduler knows whether it still is
        try:
            held = tend(self.workspace, attempt, answer, self.report, dry_run=self.dry_run)
        except AsimovError as error:  # invalid settings, written by its pipeline
            held = Outcome(str(error), str(error))
        state = JobState.HELD if held and (held.stuck or answer.rests) else answer.activity
        self._seen[key] = (state.value, held.detail if held else None, progress)
        if held is not None and held.stuck:
            if status != "stuck":
                self._move(key, "stuck", held.stuck)
            return
        if status == "stuck":
            record = self.workspace.records.get(key)
            if record is None or record.job_state != JobState.HELD.value:
                # It is stuck for another reason: its pipeline is called again when the job ends.
                return
            now = held.detail if held else f"{answer.state.value} again"
            going = "running" if attempt.stage == "run" else "processing"
            self._move(key, going, f"job {answer.job_id} is {now}")
        if answer.state is not JobState.HELD and attempt.stage == "run" and not self.dry_run:
            self._ask_pipeline(attempt)

    def _ask_pipeline(self, attempt: Attempt) -> None:
        said = running_jobs.ask(self.workspace, attempt)
        if said.status:
            self._move(attempt.key, said.status, said.reason)
        state, detail, progress = self._seen[attempt.key]
        self._seen[attempt.key] = (state, said.detail or detail, said.progress or progress)

    # --- the job has ended

    def _gone(self, attempt: Attempt, answer: Gone) -> None:
        self._seen[attempt.key] = (None, None, str(answer.progress) if answer.progress else None)
        analysis = self.workspace.analysis(attempt.key)
        try:
            if answer.waiting and self.dry_run:
                self.report(f"{attempt.key}: {answer.ending}; its output would be retrieved")
                return
            if answer.waiting:
                self._scheduler(attempt).retrieve(answer.job_id)
            if attempt.stage == "run" and not answer.failed:
                question = open_question(analysis)
                if question is not None:
                    self._ask(analysis, attempt, answer, question)
                    return
            complete = self._is_complete(analysis, attempt, answer)
            if complete and attempt.stage == "run":
                self._complete(analysis, attempt, answer)
            elif complete:
                self._close(attempt, answer, "finished", f"post-processing: {answer.ending}")
            else:
                self._incomplete(analysis, attempt, answer)
        except (PluginError, SchedulerUnreachableError) as error:
            self._seen[attempt.key] = ("unknown", joined(answer.ending, str(error)), None)
        except AsimovError as error:
            # The attempt stays open: once the pipeline is mended, the next pass calls it again.
            self._move(attempt.key, "stuck", str(error))

    def _is_complete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> bool:
        check = "detect_completion"
        if attempt.stage != "run":
            check = "detect_completion_processing"
            if not overrides(analysis.entry.pipeline, check) and answer.exit_code != 0:
                return False
        found = call_method(analysis, check, keep=not self.dry_run)
        if answer.failed and (
            getattr(analysis.pipeline, "needs_success", False) or may_be_old(analysis)
        ):
            return False
        if isinstance(found, bool):
            return found
        with guarded(analysis, check):
            return bool(found)  # raises for an array

    def _ask(
        self, analysis: Analysis, attempt: Attempt, answer: Gone, question: Question[Any]
    ) -> None:
        """Record in one write how a job ended and what its pipeline asks."""
        with self.workspace.journal.transaction():
            self._end(attempt, answer)
            line = ask(analysis, question, "monitor", dry_run=self.dry_run)
        self.report(f"{attempt.key}: {answer.ending}; it {line}")

    def _close(
        self, attempt: Attempt, answer: Gone, status: str, reason: str, words: Words | None = None
    ) -> None:
        """Record in one write how a job ended and the new state of its analysis."""
        with self.workspace.journal.transaction():
            self._end(attempt, answer, words)
            self._move(attempt.key, status, reason)

    def _end(self, attempt: Attempt, answer: Gone, words: Words | None = None) -> None:
        if self.dry_run:
            return
        self.workspace.journal.ended(
            attempt.uid,
            "ended",
            exit_code=answer.exit_code,
            evidence=answer.evidence,
            reason=answer.ending,
            started=answer.started_at,
            finished=answer.ended_at,
        )
        if words is not None and words.failed:
            self.workspace.journal.note(
                attempt.key, "monitor", "failed", words.failed, words.details
            )

    def _complete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> None:
        reason = f"{answer.ending} and it is complete"
        if self.dry_run or not overrides(analysis.entry.pipeline, "after_completion"):
            # Nothing may be built on faulty products: a finished analysis counts as done.
            fault = None
            if not self.dry_run:
                fault = fault_of_products(self.workspace, analysis)
                self.checked.add(analysis.key)
            self._close(attempt, answer, "stuck" if fault else "finished", fault or reason)
            return
        after, job_id, asked, error = launch(
            analysis, "processing", lambda: call_method(analysis, "after_completion")
        )
        if error:
            self._forget_unless_found(after)
            if isinstance(error, (PluginError, SchedulerUnreachableError)):
                raise error
            # What it did before it raised may not be safe to repeat: a person decides.
            self._close(attempt, answer, "stuck", str(error))
            return
        if asked == "processing" and job_id is None:
            job_id = found(self.workspace, after)
            if job_id is None:
                method = f"{analysis.entry.pipeline}.after_completion"
                self._close(attempt, answer, "stuck", f"{reason}, but {method} submitted nothing")
                return
        there = asked == "stuck" or (
            asked and custom_states.known(self.workspace, attempt.key, asked)
        )
        with self.workspace.journal.durably():
            self._end(attempt, answer)
            if job_id is not None:
                reason += f"; job {job_id} processes it"
                record_job(self.workspace, after, job_id, "processing", "monitor", reason)
                self.report(f"{attempt.key}: {reason}")
            else:
                give_up(self.workspace, after, "no post-processing was submitted")
                self._move(attempt.key, asked if asked and there else "finished", reason)

    def _forget_unless_found(self, attempt: Attempt) -> None:
        try:
            job_id = found(self.workspace, attempt)
            if job_id is None:
                return
            self._scheduler(attempt).remove(job_id, "its pipeline failed")
        except SchedulerError:
            return  # the attempt stays open; the next pass looks for its job
        reason = f"job {job_id} was removed: its pipeline failed"
        self.workspace.journal.ended(attempt.uid, "ended", evidence="removal", reason=reason)

    def _incomplete(self, analysis: Analysis, attempt: Attempt, answer: Gone) -> None:
        retry = failures.retry(self.workspace, analysis, attempt, answer)
        if retry is not None and retry.allowed and self._waits(attempt, answer, retry):
            return
        self._failed += 1
        ask = self._failed <= failures.ASKED
        words = failures.words(self.workspace, analysis, attempt, answer, ask=ask)
        reason = words.reason
        if retry is None or not retry.allowed:
            if retry is not None and retry.of:
                reason += f"; it was already submitted again {retry.of} times"
            self._close(attempt, answer, "stuck", reason, words)
            return
        if self.dry_run:
            self.report(f"{attempt.key}: {reason}; would be submitted again {retry.count}")
            return
        gatherer = Gatherer(self.workspace)
        again, job_id, _, error = launch(
            analysis,
            "run",
            lambda: call_method(analysis, "resurrect"),
            seed=attempt.seed,  # what was built before runs again
            before=lambda each: gatherer.gather(analysis, each),
        )
        if job_id is None:
            job_id = found(self.workspace, again)
        if job_id is None and isinstance(error, (PluginError, SchedulerUnreachableError)):
            raise error  # not the analysis's fault: the next pass tries again
        with self.workspace.journal.durably():
            self._end(attempt, answer, words)
            if job_id is not None:
                line = f"{reason}; submitted again as job {job_id} {retry.count}"
                status = self.workspace.status(attempt.key)
                if allowed(status, "running", "monitor"):  # unless its pipeline set another
                    status = "running"
                record_job(self.workspace, again, job_id, status, "monitor", line)
                gatherer.keep([again.uid])
                self.report(f"{attempt.key}: {line}")
            else:
                self._move(attempt.key, "stuck", joined(reason, str(error or "")))

    def _waits(self, attempt: Attempt, answer: Gone, retry: Retry) -> bool:
        """Return whether it is too early to retry; record when it will be, for `status`."""
        left = retry.due - clock.now()
        if left <= 0:
            return False
        line = f"failed; will be submitted again in {clock.age(left)} {retry.count}"
        self._seen[attempt.key] = (None, line, str(answer.progress) if answer.progress else None)
        if self.dry_run:
            self.report(f"{attempt.key}: {answer.ending}; {line}")
        return True

    # --- the job is to be removed

    def _leaving(self, attempt: Attempt, answer: Observation, status: str) -> None:
        if isinstance(answer, Unknown) and not answer.absent:
            self._seen[attempt.key] = ("unknown", answer.reason, None)
        elif isinstance(answer, Present):
            self._seen[attempt.key] = (answer.state.value, "is being removed", None)
            if self.dry_run:
                self.report(f"{attempt.key}: job {answer.job_id} would be removed")
            else:
                self._eject(attempt, answer, status)
        elif not self.dry_run:
            # For a job that is to be removed, it is enough that no source knows it.
            # Its log shows no end, so it may still exist; or its output waits in the queue.
            left = isinstance(answer, Unknown) or (isinstance(answer, Gone) and answer.waiting)
            if left and attempt.job_id is not None:
                try:
                    job_id, why = attempt.job_id, "removed by asimov"
                    self._scheduler(attempt).remove(job_id, why, uid=attempt.uid)
                except SchedulerError as error:
                    self._seen[attempt.key] = ("unknown", str(error), None)
                    return
            self._seen[attempt.key] = (None, None, None)
            evidence = answer.evidence if isinstance(answer, Gone) else "absence"
            reason = f"left for {status}"
            self.workspace.journal.ended(attempt.uid, "ended", evidence=evidence, reason=reason)

    def _eject(self, attempt: Attempt, answer: Present, status: str) -> None:
        analysis = self.workspace.analysis(attempt.key)
        try:
            # The project may use another scheduler by now, with job numbers of its own.
            scheduler = self._scheduler(attempt)
            with guarded(analysis, "__init__"):
                own = hasattr(analysis.pipeline, "eject_job")
                analysis.pipeline._scheduler = scheduler
            if own:
                call_method(analysis, "eject_job")
            else:
                scheduler.remove(answer.job_id, "removed by asimov")
            self.report(f"{attempt.key}: job {answer.job_id} is being removed")
        except (PluginError, SchedulerUnreachableError) as error:
            self._seen[attempt.key] = ("unknown", str(error), None)
        except AsimovError as error:
            if status == "cancelled":
                # It stays cancelled, and the next pass tries to remove the job again.
                self._seen[attempt.key] = (answer.state.value, str(error), None)
                self.report(f"{attempt.key}: {error}")
            else:
                self._move(attempt.key, "stuck", str(error))
