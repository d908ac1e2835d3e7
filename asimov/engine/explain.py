"""Explain why an analysis is in its state and what would move it on (`asimov why`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from asimov.discovery import entrypoints
from asimov.engine.attempts import ask
from asimov.engine.build import unbuilt
from asimov.engine.diagnosis.fixes import most_likely_fix
from asimov.engine.diagnosis.last_words import how_it_failed, last_words
from asimov.engine.diagnosis.refusals import MENDED, standing
from asimov.engine.diagnosis.ways_out import by_person, ways_out
from asimov.engine.questions.shown import command as answer_command
from asimov.engine.questions.shown import lines as lines_of_question
from asimov.engine.readiness import nearly_named, reviews_wanted, waiting_for
from asimov.engine.staleness.lines import standing_of
from asimov.engine.submission_limits import deferral, makes_room
from asimov.errors import AsimovError, ReportedError, SchedulerError
from asimov.journal import measurements
from asimov.journal.keys import Key
from asimov.journal.questions import Questions
from asimov.journal.records import Attempt, Record
from asimov.ledger.reviews import named, outcome
from asimov.plugins.flow import flow_of
from asimov.plugins.methods import guarded
from asimov.plugins.output import captured
from asimov.plugins.requirements import makers, missing_inputs
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, JobState, Observation, Present, Unknown
from asimov.states import OWN, STATES
from asimov.system import clock
from asimov.text import line

#: How many analyses that stand in the way are followed to their own causes.
_FOLLOWED = 5


@dataclass
class Explanation:
    """Why an analysis is where it is.

    Attributes
    ----------
    status, since, reason
        Its state, since when (ISO 8601, UTC), and what put it there.
    because
        What keeps it there, a line each.
    moves
        What would move it, a line each.
    uses
        The assets that it declares to need, each with the analysis it comes from.
    seed
        The seed of its last attempt, if its jobs got one.
    outdated
        What has changed since it ran, a line each, and which of its inputs are out of date.
    pending_rerun
        As of `asimov.engine.status.Row`.
    fix
        Of a stuck analysis, what most likely mends it, in one line, with a command.
    log, log_end
        Of a stuck analysis, the file that its job wrote errors to, and its last lines.
    """

    subject: str
    name: str
    status: str
    since: str | None
    reason: str | None
    because: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    seed: int | None = None
    outdated: list[str] = field(default_factory=list)
    pending_rerun: dict[str, str] | None = None
    fix: str | None = None
    log: str | None = None
    log_end: list[str] = field(default_factory=list)

    @property
    def sections(self) -> dict[str, list[str]]:
        """Its lists of lines by their headings, in the order in which they are shown."""
        return {
            "why": self.because,
            "is its result up to date": self.outdated,
            "what would change that": self.moves,
            "what it uses": self.uses,
        }


def explain(workspace: Workspace, key: Key) -> Explanation:
    """Explain the state of an analysis; asks the scheduler, and changes nothing.

    Output of its pipeline is discarded: a program may read the answer.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    with captured():
        return _explain(workspace, key)


def _explain(workspace: Workspace, key: Key) -> Explanation:
    status = workspace.status(key)
    record = workspace.records.get(key)
    result = Explanation(
        *key, status, clock.iso(record.since) if record else None, record.reason if record else None
    )
    if record and record.uid:
        known = {each.uid: each.seed for each in workspace.journal.attempts(key)}
        result.seed = known.get(record.uid)
    attempts = [each for each in workspace.journal.open_attempts() if each.key == key]
    if status == "ready":
        _ready(workspace, key, attempts, result)
    elif attempts:
        _with_job(workspace, attempts[-1], result)
    elif status == "stuck":
        result.because += how_it_failed(workspace, key)
    elif status in {"wait", "manual", "review", "stopped", "cancelled"} or status not in OWN:
        meaning = STATES[status].meaning
        result.because.append(meaning if meaning.startswith("its ") else f"it {meaning}")
    elif status == "asking" and (asked := Questions(workspace.journal).open().get(key)):
        result.because += lines_of_question(asked)
        result.moves.append(f"answers: {answer_command(key, asked)}")
    elif status in {"finished", "uploaded"}:
        folder = workspace.project.results / key[0] / key[1]
        there = "its results are in" if folder.is_dir() else "nothing is stored in"
        result.because.append(f"{there} {folder}")
    result.moves += ways_out(workspace, key, status)
    result.outdated, moves, request = standing_of(workspace, key)
    result.moves += moves
    result.pending_rerun = request and request.as_json()
    if status == "stuck":
        words = last_words(workspace, key)
        said = [result.reason or "", *result.because, *words.lines]
        result.fix = most_likely_fix(workspace, key, said, logged=bool(words.lines))
        result.log, result.log_end = words.log, words.lines
        if words.output:
            result.because.append(f"what its job printed is in {line(words.output)}")
    result.uses = [str(feed) for feed in flow_of(workspace, all_installed=False).feeds(key)]
    return result


def _ready(workspace: Workspace, key: Key, attempts: list[Attempt], result: Explanation) -> None:
    entry = workspace.contents.entries[key]
    record = workspace.records.get(key)
    for attempt in attempts:
        result.because.append(
            f"attempt {attempt.number} began at {clock.iso(attempt.intended)} and was "
            "interrupted: only the scheduler knows whether it made a job"
        )
        answer = ask(workspace, [attempt])[attempt.uid]
        if isinstance(answer, Unknown):
            result.because.append(f"the scheduler can't answer now: {answer.reason}")
        result.moves.append("'asimov monitor' or 'asimov manage submit' asks it")
    if not entrypoints.is_known(entrypoints.PIPELINES, entry.pipeline):
        result.because.append(str(entrypoints.unknown(entrypoints.PIPELINES, entry.pipeline)))
        result.moves.append("install the package that provides the pipeline, or correct the ledger")
    needs = waiting_for(workspace, key)
    result.because += needs
    _follow(workspace, key, result)
    lacking = _assets(workspace, key, result, ready=not needs)
    if detail := standing(workspace, record):
        result.because.append(detail)
        if detail == MENDED:
            result.moves.append("'asimov manage build submit', or 'asimov monitor --chain'")
        elif not lacking:
            result.moves.append("fix that; the next build or submission tries again")
    if result.because:
        return
    held_back = deferral(workspace)
    if held_back:
        result.because.append(held_back)
        result.moves.append(makes_room(held_back))
        return
    analysis = workspace.analysis(key)
    try:
        with guarded(analysis, "__init__", passing=AsimovError):
            missing = unbuilt(analysis)
    except ReportedError as error:
        result.because.append(str(error))
        return
    if missing:
        result.because.append(missing.message)
        result.moves.append("'asimov manage build submit', or 'asimov monitor --chain'")
    else:
        result.because.append("it is built and ready to submit")
        result.moves.append("'asimov manage submit', or 'asimov monitor --chain'")


def _assets(workspace: Workspace, key: Key, result: Explanation, *, ready: bool) -> bool:
    """Add the assets that its pipeline needs and nothing makes; return whether there are any."""
    name = workspace.contents.entries[key].pipeline
    try:
        flow = flow_of(workspace)
        if not entrypoints.is_known(entrypoints.PIPELINES, name) or not flow.inputs(key):
            return False
        lacking = flow.unprovided(key)
        for asset in lacking:
            result.because.append(
                f"no analysis that it uses declares its input {asset!r} as a product"
            )
        result.because += [why for why, _ in flow.strangers(key)]
        result.because += flow.unfitting(key)
        if ready and not lacking:
            analysis = workspace.analysis(key)
            with guarded(analysis, "inputs", passing=AsimovError):
                lacking = missing_inputs(analysis)
            record = workspace.records.get(key)
            if lacking and not (record and record.job_detail):
                result.because.append(f"its input {lacking[0]!r} is missing")
    except ReportedError as error:
        result.because.append(str(error))
        return False
    known = makers(workspace, lacking)
    for asset in lacking:
        by = known.get(asset)
        result.moves.append(
            f"an analysis among its needs that makes {asset!r}: of the pipeline {' or '.join(by)}"
            if by
            else f"an analysis among its needs that makes {asset!r}; no installed pipeline "
            "declares it"
        )
    return bool(lacking)


def _reviews(workspace: Workspace, key: Key, result: Explanation) -> bool:
    """Add the reviews that it waits for; return whether there are any."""
    wanted = reviews_wanted(workspace, key)
    for each, review in wanted[:_FOLLOWED]:
        now = outcome(workspace.settings(each).get("review"))
        stands = f"has the review {now!r}" if now else "has not been reviewed"
        result.because.append(f"{each} {stands}, but {review!r} is required")
        try:
            named(review)
        except AsimovError as error:
            result.because.append(str(error))
            result.moves.append("another 'review' in the ledger's 'needs'")
        else:
            result.moves.append(f"a review: 'asimov review add {each} {review}'")
    return bool(wanted)


def _follow(workspace: Workspace, key: Key, result: Explanation) -> None:
    """Add what holds up the analyses that it needs, down to the first causes."""
    wanted = _reviews(workspace, key, result)
    result.because += nearly_named(workspace, key)
    if workspace.dependencies.of(key).unmatched and not wanted:
        result.moves.append("an analysis that matches, or different 'needs' in the ledger")
    if workspace.dependencies.cycle([key]):
        result.moves.append("different 'needs' in the ledger, without the cycle")
        return
    seen = {key}
    todo = [key]
    while todo and len(seen) <= _FOLLOWED:
        for each in workspace.dependencies.of(todo.pop()).keys:
            status = workspace.status(each)
            if each in seen or STATES[status].done:
                continue
            seen.add(each)
            name = str(each)
            if status == "ready":
                deeper = waiting_for(workspace, each)
                if deeper:
                    result.because.append(f"{name} itself waits: {'; '.join(deeper[:3])}")
                    todo.append(each)
            else:
                record = workspace.records.get(each)
                if record and record.reason and STATES[status].blocks:
                    result.because.append(f"{name} is {status}: {record.reason}")
            if STATES[status].blocks:
                result.moves.append(f"a person, at {name}: 'asimov why {each}'")
            elif status != "ready" or not deeper:
                result.moves.append(f"the end of {name}: 'asimov why {each}'")


def _with_job(workspace: Workspace, attempt: Attempt, result: Explanation) -> None:
    record = workspace.records[attempt.key]
    if attempt.state == "intended":
        result.because.append(f"attempt {attempt.number} began and was interrupted")
    answer = ask(workspace, [attempt])[attempt.uid]
    where = attempt.scheduler + (f" ({attempt.place})" if attempt.place else "")
    since = f" for {clock.age(clock.now() - record.job_since)}" if record.job_since else ""
    if isinstance(answer, Unknown):
        result.because.append(f"{where} can't report on job {attempt.job_id}: {answer.reason}")
        if record.job_state == "unknown":
            result.because.append(f"its state has been unknown{since}")
        if answer.absent:
            result.moves.append(
                by_person(attempt.key, result.status, "a person who knows what happened to it")
            )
        else:
            result.moves.append("an answer from the scheduler; until then nothing changes")
            result.moves.append(
                f"if it is gone for good: 'asimov production set {attempt.key} --lost "
                "--status STATE'"
            )
    elif isinstance(answer, Present):
        same = since if record.job_state == answer.activity.value else ""
        progress = f", {answer.progress} done" if answer.progress else ""
        result.because.append(
            f"job {answer.job_id} is {answer.state.value} on {where}{same}{progress}"
        )
        if record.progress and measurements.of_attempts(workspace.journal, attempt.uid):
            result.because.append(f"its progress: {record.progress}")
        _of_present(workspace, attempt, answer, result)
    elif isinstance(answer, Gone):
        result.because.append(f"job {answer.job_id} has ended ({answer.evidence})")
        if result.status in {"running", "processing"}:
            result.moves.append(
                "the next pass of 'asimov monitor' asks its pipeline whether it is complete"
            )
    else:
        result.because.append(
            f"no source knows job {attempt.job_id} any more (asked: {', '.join(answer.asked)})"
        )
        result.moves.append(
            by_person(attempt.key, result.status, "a person who knows what happened to it")
        )
    if result.status == "stuck":
        result.because += how_it_failed(workspace, attempt.key)
    elif _still_holds(record, answer):
        detail = record.job_detail or ""
        result.because += [detail] if not any(detail in line for line in result.because) else []


def _still_holds(record: Record, answer: Observation) -> bool:
    """Return whether the last pass's line about a job still applies."""
    if isinstance(answer, Present):
        return record.job_state == answer.activity.value
    return not isinstance(answer, Gone) or record.job_state is None


def _of_present(
    workspace: Workspace, attempt: Attempt, answer: Present, result: Explanation
) -> None:
    for held in answer.held[:_FOLLOWED]:
        if held.node:
            result.because.append(f"node {held.node} is held: {held.reason} (code {held.code})")
    try:
        scheduler = workspace.scheduler(attempt.scheduler, attempt.place)
        lines = scheduler.explain(answer.job_id)
    except SchedulerError as error:
        lines = [f"the reason is not available: {error}"]
    reason = answer.reason if answer.state is JobState.HELD else None
    if reason and not any(reason in line for line in lines):
        code = f" (code {answer.code})" if answer.code is not None else ""
        result.because.append(f"it is held: {reason}{code}")
    result.because += lines
    if answer.state is JobState.HELD:
        result.because += _removal(workspace, answer)
    restart = f"'asimov production set {attempt.key} --status restart'"
    if answer.state is JobState.HELD and attempt.scheduler == "htcondor":
        result.moves.append(
            f"its release: 'condor_release {answer.job_id}', once the cause is fixed"
        )
    elif answer.state is JobState.HELD:
        result.moves.append(f"{restart}, once the cause is fixed")
    elif answer.state is JobState.IDLE:
        result.moves.append(
            "free resources for its job, or a smaller request: change 'scheduler' in the "
            f"ledger, then {restart}"
        )
    else:
        result.moves.append("the end of its job; then the next pass of 'asimov monitor'")


def _removal(workspace: Workspace, answer: Present) -> list[str]:
    """Say when the site removes a held job, if it does."""
    site = workspace.site
    since = min((each.since for each in answer.held if each.since), default=None)
    if site.held is None or since is None:
        return []
    after, source = site.held
    when = clock.iso(since + after)
    return [
        f"{site.title} removes held jobs after {clock.age(after)}: this one at {when} ({source})"
    ]
