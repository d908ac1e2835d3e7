"""Explain why an analysis is in its state and what would move it on (`asimov why`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from asimov import entrypoints
from asimov.engine.attempts import ask
from asimov.engine.background import running
from asimov.engine.readiness import reviews_wanted, waiting_for
from asimov.engine.submission_limits import deferral, makes_room
from asimov.engine.submit import unbuilt
from asimov.errors import AsimovError, ReportedError, SchedulerError
from asimov.journal.leases import WATCH, holder, is_dead
from asimov.journal.records import Attempt, Record
from asimov.keys import PROJECT_ANALYSES, Key
from asimov.ledger.reviews import named, outcome
from asimov.pipeline.assets import inputs_of
from asimov.plugins.methods import guarded, imported
from asimov.plugins.output import captured
from asimov.plugins.requirements import makers, missing_inputs, unprovided
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, JobState, Observation, Present, Unknown
from asimov.states import OWN, STATES, reachable
from asimov.system import clock
from asimov.text import nearest

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
    """

    subject: str
    name: str
    status: str
    since: str | None
    reason: str | None
    because: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)


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
    told = Explanation(
        *key, status, clock.iso(record.since) if record else None, record.reason if record else None
    )
    attempts = [each for each in workspace.journal.open_attempts() if each.key == key]
    if status == "ready":
        _ready(workspace, key, attempts, told)
    elif attempts:
        _with_job(workspace, attempts[-1], told)
    elif status == "stuck":
        _stuck(workspace, key, told)
    elif status in {"wait", "manual", "review", "stopped", "cancelled"} or status not in OWN:
        meaning = STATES[status].meaning
        told.because.append(meaning if meaning.startswith("its ") else f"it {meaning}")
    elif status in {"finished", "uploaded"}:
        told.because.append(f"its results are in {workspace.project.results / key[0] / key[1]}")
    _moves(workspace, key, told)
    return told


def _ready(workspace: Workspace, key: Key, attempts: list[Attempt], told: Explanation) -> None:
    entry = workspace.contents.entries[key]
    record = workspace.records.get(key)
    for attempt in attempts:
        told.because.append(
            f"attempt {attempt.number} was begun at {clock.iso(attempt.intended)} and was cut "
            "short: whether it made a job is to be asked of the scheduler"
        )
        answer = ask(workspace, [attempt])[attempt.uid]
        if isinstance(answer, Unknown):
            told.because.append(f"that can't be found out now: {answer.reason}")
        told.moves.append("'asimov monitor' or 'asimov manage submit' finds out")
    if not entrypoints.is_known(entrypoints.PIPELINES, entry.pipeline):
        told.because.append(str(entrypoints.unknown(entrypoints.PIPELINES, entry.pipeline)))
        told.moves.append("install the package that has the pipeline, or correct the ledger")
    needs = waiting_for(workspace, key)
    told.because += needs
    _follow(workspace, key, told)
    lacking = _assets(workspace, key, told, ready=not needs)
    if record and record.job_detail:
        told.because.append(record.job_detail)
        if not lacking:
            told.moves.append("mending that: the next build or submission tries again")
    if told.because:
        return
    held_back = deferral(workspace)
    if held_back:
        told.because.append(held_back)
        told.moves.append(makes_room(held_back))
        return
    analysis = workspace.analysis(key)
    try:
        with guarded(analysis, "__init__", passing=AsimovError):
            missing = unbuilt(analysis)
    except ReportedError as error:
        told.because.append(str(error))
        return
    if missing:
        told.because.append(missing.message)
        told.moves.append("'asimov manage build submit', or 'asimov monitor --chain'")
    else:
        told.because.append("it is built, and nothing stands in its way")
        told.moves.append("'asimov manage submit', or 'asimov monitor --chain'")


def _assets(workspace: Workspace, key: Key, told: Explanation, *, ready: bool) -> bool:
    """Add the assets that its pipeline needs and nothing makes; return whether there are any."""
    name = workspace.contents.entries[key].pipeline
    try:
        if not entrypoints.is_known(entrypoints.PIPELINES, name) or not inputs_of(
            imported(name, workspace)
        ):
            return False
        lacking = unprovided(
            workspace.contents,
            workspace.dependencies,
            key,
            lambda pipeline: imported(pipeline, workspace),
        )
        for asset in lacking:
            told.because.append(f"no analysis that it uses declares to make its input {asset!r}")
        if ready and not lacking:
            analysis = workspace.analysis(key)
            with guarded(analysis, "inputs", passing=AsimovError):
                lacking = missing_inputs(analysis)
            record = workspace.records.get(key)
            if lacking and not (record and record.job_detail):
                told.because.append(f"its input {lacking[0]!r} is missing")
    except ReportedError as error:
        told.because.append(str(error))
        return False
    known = makers(workspace, lacking)
    for asset in lacking:
        by = known.get(asset)
        told.moves.append(
            f"among its needs, an analysis that makes {asset!r}: of the pipeline {' or '.join(by)}"
            if by
            else f"among its needs, an analysis that makes {asset!r}, which no installed pipeline "
            "declares to do"
        )
    return bool(lacking)


def _nearly(workspace: Workspace, key: Key) -> Iterator[str]:
    """Yield a line for each name among the unmet needs that is nearly one that there is."""
    keys = [each for each in workspace.contents.entries if each != key]
    for need in workspace.dependencies.of(key).unmatched:
        for wanted in [term.value for term in need.terms if term.path == "name"]:
            names = (
                [str(each) for each in keys]
                if "/" in wanted
                else [name for subject, name in keys if key[0] in {subject, PROJECT_ANALYSES}]
            )
            if wanted not in names and (near := nearest(wanted, names, 0.8)):
                yield f"there is no {wanted!r}; did you mean {near!r}?"


def _reviews(workspace: Workspace, key: Key, told: Explanation) -> bool:
    """Add the reviews that it waits for; return whether there are any."""
    wanted = reviews_wanted(workspace, key)
    for each, review in wanted[:_FOLLOWED]:
        now = outcome(workspace.settings(each).get("review"))
        stands = f"has the review {now!r}" if now else "has not been reviewed"
        told.because.append(f"{each} {stands}, and {review!r} is asked for")
        try:
            named(review)
        except AsimovError as error:
            told.because.append(str(error))
            told.moves.append("another 'review' in the ledger's 'needs'")
        else:
            told.moves.append(f"a review: 'asimov review add {each[0]} {each[1]} {review}'")
    return bool(wanted)


def _follow(workspace: Workspace, key: Key, told: Explanation) -> None:
    """Add what holds up the analyses that it needs, down to the first causes."""
    wanted = _reviews(workspace, key, told)
    told.because += _nearly(workspace, key)
    if workspace.dependencies.of(key).unmatched and not wanted:
        told.moves.append("an analysis that matches, or other 'needs' in the ledger")
    if workspace.dependencies.cycle([key]):
        told.moves.append("other 'needs' in the ledger, without the circle")
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
                    told.because.append(f"{name} in turn waits: {'; '.join(deeper[:3])}")
                    todo.append(each)
            else:
                record = workspace.records.get(each)
                if record and record.reason and STATES[status].blocks:
                    told.because.append(f"{name} is {status}: {record.reason}")
            if STATES[status].blocks:
                told.moves.append(f"a person, at {name}: 'asimov why {each[0]} {each[1]}'")
            elif status != "ready" or not deeper:
                told.moves.append(f"the end of {name}: 'asimov why {each[0]} {each[1]}'")


def _with_job(workspace: Workspace, attempt: Attempt, told: Explanation) -> None:
    record = workspace.records[attempt.key]
    if attempt.state == "intended":
        told.because.append(f"attempt {attempt.number} was begun and cut short")
    answer = ask(workspace, [attempt])[attempt.uid]
    where = attempt.scheduler + (f" ({attempt.place})" if attempt.place else "")
    since = f" for {clock.age(clock.now() - record.job_since)}" if record.job_since else ""
    if isinstance(answer, Unknown):
        told.because.append(
            f"{where} can't say what became of job {attempt.job_id}: {answer.reason}"
        )
        if record.job_state == "unknown":
            told.because.append(f"nothing has been known of it{since}")
        if answer.absent:
            told.moves.append(
                _set(attempt.key, told.status, "a person who knows what became of it")
            )
        else:
            told.moves.append("an answer of the scheduler; until then nothing is changed")
            told.moves.append(
                f"where it is gone for good: 'asimov production set {attempt.subject} "
                f"{attempt.name} --lost --status STATE'"
            )
    elif isinstance(answer, Present):
        same = since if record.job_state == answer.state.value else ""
        progress = f", {answer.progress} done" if answer.progress else ""
        told.because.append(
            f"job {answer.job_id} is {answer.state.value} on {where}{same}{progress}"
        )
        _of_present(workspace, attempt, answer, told)
    elif isinstance(answer, Gone):
        told.because.append(f"job {answer.job_id} has ended ({answer.evidence})")
        if told.status in {"running", "processing"}:
            told.moves.append(
                "the next pass of 'asimov monitor' asks its pipeline whether all is there"
            )
    else:
        told.because.append(
            f"no source knows job {attempt.job_id} any more (asked: {', '.join(answer.asked)})"
        )
        told.moves.append(_set(attempt.key, told.status, "a person who knows what became of it"))
    if told.status == "stuck":
        _stuck(workspace, attempt.key, told)
    elif _still_holds(record, answer):
        detail = record.job_detail or ""
        told.because += [detail] if not any(detail in line for line in told.because) else []


def _still_holds(record: Record, answer: Observation) -> bool:
    """Return whether the last pass's line about a job still applies."""
    if isinstance(answer, Present):
        return record.job_state == answer.state.value
    return not isinstance(answer, Gone) or record.job_state is None


def _of_present(workspace: Workspace, attempt: Attempt, answer: Present, told: Explanation) -> None:
    for held in answer.held[:_FOLLOWED]:
        if held.node:
            told.because.append(f"node {held.node} is held: {held.reason} (code {held.code})")
    try:
        scheduler = workspace.scheduler(attempt.scheduler, attempt.place)
        lines = scheduler.explain(answer.job_id)
    except SchedulerError as error:
        lines = [f"why can't be asked: {error}"]
    reason = answer.reason if answer.state is JobState.HELD else None
    if reason and not any(reason in line for line in lines):
        code = f" (code {answer.code})" if answer.code is not None else ""
        told.because.append(f"it is held: {reason}{code}")
    told.because += lines
    restart = f"'asimov production set {attempt.subject} {attempt.name} --status restart'"
    if answer.state is JobState.HELD and attempt.scheduler == "htcondor":
        told.moves.append(
            f"its release: 'condor_release {answer.job_id}', once the cause is mended"
        )
    elif answer.state is JobState.HELD:
        told.moves.append(f"{restart}, once the cause is mended")
    elif answer.state is JobState.IDLE:
        told.moves.append(
            "room for its job; or a smaller request: change 'scheduler' in the ledger, then "
            f"{restart}"
        )
    else:
        told.moves.append("the end of its job; then the next pass of 'asimov monitor'")


def _stuck(workspace: Workspace, key: Key, told: Explanation) -> None:
    for event in reversed(workspace.journal.events(*key)):
        if event.after in {"ready", "running"}:
            return  # what failed before that is not why it is stuck now
        if event.kind == "note" and event.reason:  # such as of a held job that was removed since
            told.because.append(event.reason)
        if event.kind == "failed" and event.details:
            told.because.append("how it failed:")
            told.because += [f"  {line}" for line in event.details.splitlines()]
            return


def _moves(workspace: Workspace, key: Key, told: Explanation) -> None:
    if told.status in {"stop", "restart"}:
        told.moves.append("the next pass of 'asimov monitor'")
    elif told.status in {"stuck", "wait", "manual", "stopped", "cancelled"}:
        told.moves.append(_set(key, told.status, "a person"))
    if STATES[told.status].active and not _watched(workspace):
        told.moves.append("no monitor runs in the background: 'asimov start' starts one")


def _watched(workspace: Workspace) -> bool:
    """Return whether a monitor watches the project, in the background or in a terminal."""
    if running(workspace) is not None:
        return True
    watch = holder(workspace.journal, WATCH)
    return watch is not None and not is_dead(watch)


def _set(key: Key, status: str, who: str) -> str:
    able = ", ".join(reachable(status, "person"))
    states = f": {able}" if able else ""
    return f"{who}, with 'asimov production set {key[0]} {key[1]} --status STATE'{states}"
