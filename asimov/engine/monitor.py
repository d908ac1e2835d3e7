"""One monitor pass: ask the schedulers about every job and move analyses on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import msgspec

from asimov.engine.attempts import MAY_COME, ask, refusal
from asimov.engine.attendance import record_pass
from asimov.engine.build import build
from asimov.engine.follow_up import stop_or_restart, store_results
from asimov.engine.observe import Observer
from asimov.engine.readiness import blocked, waiting_for
from asimov.engine.refresh import refresh
from asimov.engine.rerun.due import rerun_due
from asimov.engine.status import LOST
from asimov.engine.submission_limits import deferral
from asimov.engine.submit import submit, submitting
from asimov.engine.usage import measure
from asimov.errors import CredentialsError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.ledger.layout import file_of
from asimov.plugins import custom_states, hooks, labels, telemetry
from asimov.project.removed import unlisted
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Observation, Unknown
from asimov.states import OWN, STATES
from asimov.system import clock, progress

#: What a pass says if there is none.
NOTHING = "there are no analyses in the ledger"

Report = Callable[[str], None]


class Pass(msgspec.Struct):
    """The state of the project after a pass.

    Attributes
    ----------
    counts
        How many analyses are in each state, those with a lost job included.
    active
        How many have, or may have, a job that the next pass may have news of.
    lost
        How many of these, in each state, have a job that no source knows any more.
    blocked
        Ready analyses that wait for something only a person can do.
    waiting
        Ready analyses that this pass could not, or was not asked to, build and submit.
    startable
        How many of the waiting ones only need to be built and submitted.
    unreachable
        The error of each scheduler that could not be reached.
    broken
        How many ledger files can't be used; their analyses are left alone.
    missing
        How many unfinished analyses of the journal are missing from the ledger.
    moved
        How many analyses moved on without a job: by the handler of a package's state, or because
        their pipelines needed no job. The next pass may have more to do.
    failed
        How many analyses could not be built, and stay ready for the next pass.
    given_up
        How many are out of date and are not run again any more, although ``rerun: automatic``.
    refused
        Whether a scheduler refused this user's credentials. Then the pass has changed nothing.
    """

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    active: int = 0
    lost: dict[str, int] = msgspec.field(default_factory=dict)
    blocked: int = 0
    waiting: int = 0
    startable: int = 0
    unreachable: list[str] = msgspec.field(default_factory=list)
    broken: int = 0
    missing: int = 0
    moved: int = 0
    failed: int = 0
    given_up: int = 0
    refused: bool = False

    @property
    def awaited(self) -> bool:
        """Whether a scheduler may have news of any job that is not lost."""
        return self.active > sum(self.lost.values())

    @property
    def all_done(self) -> bool:
        """Whether nothing is left to do by anybody."""
        stands = any(count and _unfinished(state) for state, count in self.counts.items())
        return not (self.active or self.broken or self.missing or self.given_up or stands)

    def count_line(self) -> str:
        """Return how many analyses are in each state, with lost jobs apart, as one line."""
        counts = {state: self.counts.get(state, 0) - self.lost.get(state, 0) for state in STATES}
        counts[LOST] = sum(self.lost.values())
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or NOTHING

    def progress_line(self) -> str:
        """Return how many analyses are done, of how many, and how many are in each state."""
        done = sum(self.counts.get(name, 0) for name, state in STATES.items() if state.done)
        return f"{done} of {sum(self.counts.values())} done: {self.count_line()}"

    def summary(self, *, chain: bool) -> list[str]:
        """Return lines on how things stand, and on what a person may do about it.

        Parameters
        ----------
        chain
            Whether the pass could build and submit.
        """
        lines = [self.count_line()]
        lines += [f"the scheduler does not answer: {reason}" for reason in self.unreachable]
        if self.lost:
            lines.append("some jobs are lost: 'asimov why --state lost' says what to do")
        if self.startable and not chain and not self.active:
            lines.append(
                f"{self.startable} can be built and submitted: 'asimov monitor --chain' does that"
            )
        if self.missing:
            lines.append("some are missing from the ledger: 'asimov status' shows them")
        if self.counts.get("asking"):
            lines.append("some ask a question: 'asimov why --state asking' shows it")
        if self.counts.get("stuck") or self.blocked or self.given_up:
            lines.append("some need a person: 'asimov status' shows them, 'asimov log' says why")
        return lines


def run_pass(
    workspace: Workspace,
    report: Report,
    *,
    subject: str | None = None,
    chain: bool = False,
    run_hooks: bool = True,
) -> Pass:
    """Make one pass as the only command at work, then run what packages add to its end.

    Parameters
    ----------
    workspace, report, subject, chain
        As of `monitor`.
    run_hooks
        Whether it is time for the postmonitor hooks.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` if another command is at work.
    """
    began = clock.now()
    with submitting(workspace, "asimov monitor", report) as left:
        outcome = monitor(workspace, report, subject=subject, chain=chain, left=left)
        record_pass(workspace, outcome.unreachable, took=clock.now() - began)
        if not outcome.refused:
            after_pass(workspace, report, began, run_hooks=run_hooks)
        return outcome


def monitor(
    workspace: Workspace,
    report: Report,
    *,
    subject: str | None = None,
    chain: bool = False,
    dry_run: bool = False,
    left: Mapping[Key, str] = MappingProxyType({}),
) -> Pass:
    """Ask the schedulers about every job, and act on their answers.

    Parameters
    ----------
    workspace
        The open project; the caller is in a block of `submitting` unless this is a dry run.
    report
        Takes a line for each event.
    subject
        The only subject to look at; by default all are.
    chain
        Whether to build and submit what has become ready.
    dry_run
        Whether to report what would happen and change nothing at all.
    left
        Analyses to leave alone, and why: it is not known whether they were submitted again.
    """
    everything = set(workspace.keys(subject))
    keys = everything - left.keys()
    attempts = _under_way(workspace, keys, report)
    answers = ask(workspace, attempts)
    if refused := _refusal(workspace, answers, left, keys, chain=chain):
        # Files may be on a file system that refuses the same credentials: they show nothing.
        result = Pass(broken=len(workspace.contents.broken), refused=True, unreachable=[refused])
        _count(workspace, everything, result)
        return result
    # An end found in a log does not show that the scheduler could be reached.
    silence = [
        (isinstance(a, Unknown) and not a.absent)
        or (isinstance(a, Gone) and a.evidence == "event log")
        for a in answers.values()
    ]
    unknown = {a.reason for a in answers.values() if isinstance(a, Unknown) and not a.absent}
    unknown.update(reason for reason in left.values() if reason != MAY_COME)
    silent = unknown and all(silence)
    unreachable = unknown if silent else set()
    result = advance(
        workspace, report, answers, keys=everything, chain=chain, dry_run=dry_run, left=left
    )
    result.unreachable = sorted({*result.unreachable, *unreachable})
    if not dry_run:
        measure(workspace)
    return result


def _refusal(
    workspace: Workspace,
    answers: Mapping[str, Observation],
    unresolved: Mapping[Key, str],
    keys: Collection[Key],
    *,
    chain: bool,
) -> str | None:
    """Return how a scheduler refused this user's credentials; None if none did."""
    if reason := refusal(answers.values()):
        return reason
    if unresolved or (chain and any(workspace.status(key) == "ready" for key in keys)):
        try:
            workspace.scheduler().check_credentials()
        except CredentialsError as error:
            return str(error)
    return None


def after_pass(
    workspace: Workspace, report: Report, since: float, *, run_hooks: bool = True
) -> None:
    """Send events to telemetry sinks and run postmonitor hooks; neither changes the outcome.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each thing that goes wrong.
    since
        When the pass began, in seconds since the epoch.
    run_hooks
        Whether it is time for the postmonitor hooks.
    """
    if not workspace.contents.project.get("hooks"):
        telemetry.QUEUE.clear()
        return
    telemetry.send(workspace, report, since)
    if run_hooks:
        hooks.run_postmonitor(workspace, report)


def _under_way(workspace: Workspace, keys: set[Key], report: Report) -> list[Attempt]:
    """Return the attempts of some analyses that have a job."""
    attempts: list[Attempt] = []
    for attempt in workspace.journal.open_attempts():
        if attempt.state != "submitted":
            continue
        if attempt.key in keys:
            attempts.append(attempt)
        elif file_of(attempt.key) in workspace.contents.broken:
            continue  # a warning names its file already
        elif attempt.key not in workspace.contents.entries:
            report(
                f"{attempt.key}: job {attempt.job_id} is active, but its analysis is not in "
                "the ledger; the job is left alone"
            )
    return attempts


def advance(
    workspace: Workspace,
    report: Report,
    answers: Mapping[str, Observation],
    *,
    keys: Collection[Key] | None = None,
    chain: bool = False,
    dry_run: bool = False,
    left: Collection[Key] = (),
    from_logs: bool = False,
) -> Pass:
    """Move analyses on by what is known about their jobs.

    Parameters
    ----------
    workspace, report, chain, dry_run
        As of `monitor`.
    answers
        The answers by attempt; attempts without one are left alone.
    keys
        The analyses to count, and to look at; by default all.
    left
        Those of them to leave alone.
    from_logs
        Whether the answers come from event logs alone.
    """
    everything = set(workspace.contents.entries if keys is None else keys)
    keys = everything.difference(left)
    result = Pass(broken=len(workspace.contents.broken))
    observer = Observer(workspace, report, dry_run=dry_run, from_logs=from_logs)
    attempts = workspace.journal.open_attempts()
    # Another command may have been interrupted while it resubmitted one of them.
    settled = keys - {attempt.key for attempt in attempts if attempt.state == "intended"}
    for attempt in progress.over(attempts, "checking jobs"):
        if attempt.key in settled and attempt.uid in answers:
            observer.take(attempt, answers[attempt.uid])
    observer.write()
    if not dry_run:
        stop_or_restart(workspace, keys, report)
        result.moved = custom_states.handle(workspace, keys, report)
        store_results(workspace, keys, report, checked=observer.checked)
        labels.label(workspace, keys, report)
        refresh(workspace, keys, report)
        restarted, result.given_up = rerun_due(workspace, keys, report, chain=chain)
        if restarted:
            stop_or_restart(workspace, keys, report)
    if chain and dry_run:
        _report_chain(workspace, keys, report)
    elif chain:
        result.unreachable = sorted(_chain(workspace, keys, report, result))
    _count(workspace, everything, result)
    return result


def _report_chain(workspace: Workspace, keys: set[Key], report: Report) -> None:
    ready = [
        key
        for key in workspace.contents.entries
        if key in keys and workspace.status(key) == "ready"
    ]
    left_out = blocked(workspace, ready)
    put_off = deferral(workspace)
    for key in ready:
        if key in left_out:
            continue
        name = str(key)
        if waiting_for(workspace, key):
            report(f"{name}: would be built and submitted once its needs are met")
        elif put_off:
            report(f"{name}: would be built, but not submitted: {put_off}")
        else:
            report(f"{name}: would be built and submitted")


def _chain(workspace: Workspace, keys: set[Key], report: Report, result: Pass) -> set[str]:
    """Build and submit what has become ready.

    Returns
    -------
    set of str
        The errors of unreachable schedulers that kept everything from being submitted.
    """
    ordered = [key for key in workspace.contents.entries if key in keys]
    built = build(workspace, ordered, report)
    there = {*built.done, *built.unchanged}  # not what became ready meanwhile
    try:
        done = submit(workspace, [key for key in ordered if key in there], report)
    except CredentialsError as error:  # since the pass has asked
        return {str(error)}
    result.moved += sum(workspace.status(key) == "finished" for key in done.done)
    result.failed += sum(workspace.status(key) == "ready" for key in built.failed)
    errors = [] if done.done else done.failed.values()
    return {str(error) for error in errors if isinstance(error, SchedulerUnreachableError)}


def _unfinished(state: str) -> bool:
    # What is finished is stored in the same pass.
    return state in {"stuck", "asking", "ready", "finished"} or state not in OWN


def _count(workspace: Workspace, keys: set[Key], result: Pass) -> None:
    with_job = {attempt.key for attempt in workspace.journal.open_attempts()}
    ready: list[Key] = []
    hindered: set[Key] = set()  # by more than their needs, such as a missing template
    for key in keys:
        status = workspace.status(key)
        record = workspace.records.get(key)
        if STATES[status].active and record and record.job_state == LOST:
            result.lost[status] = result.lost.get(status, 0) + 1
        result.active += STATES[status].active or (key in with_job and status != "stuck")
        result.counts[status] = result.counts.get(status, 0) + 1
        if status == "ready":
            ready.append(key)
            if record and record.job_detail:
                hindered.add(key)
    result.missing = sum(
        _unfinished(each.status) or STATES[each.status].active for each in unlisted(workspace)
    )
    result.blocked = len(blocked(workspace, ready))
    result.waiting = len(ready) - result.blocked
    result.startable = sum(key not in hindered and not waiting_for(workspace, key) for key in ready)
