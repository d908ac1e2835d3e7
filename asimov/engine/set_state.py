"""Set analyses to a state that a person chose, as the table of states and their jobs allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from asimov.configuration import person
from asimov.engine.attempts import LEAVING, ask
from asimov.engine.lease import at_work
from asimov.engine.observe import Observer
from asimov.engine.rerun.pending import withdraw_for_cancelled
from asimov.engine.rerun.requested import requested, withdraw_restarts
from asimov.engine.status import LOST
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.records import Attempt
from asimov.plugins import custom_states
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Present
from asimov.states import ALIASES, OWN, STATES, reachable
from asimov.text import did_you_mean


class StateChange(NamedTuple):
    """A change of state.

    Attributes
    ----------
    before, after
        The states; the same where nothing had to change.
    pending
        What the monitor has still to do, for people; empty where that is nothing.
    """

    before: str
    after: str
    pending: str = ""


#: Takes the changes, or why they were refused.
Besides = Callable[[Mapping[Key, "StateChange | AsimovError"]], None]


def set_state(
    workspace: Workspace, key: Key, status: str, reason: str | None = None, *, lost: bool = False
) -> StateChange:
    """Set an analysis to a state, as ``asimov production set`` does.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    status
        The state; older names of states are understood.
    reason
        Why, for the log.
    lost
        Whether a person confirms that its job is gone for good.

    Raises
    ------
    AsimovError
        If there is no such state, or the analysis can't be set to it now.
    """
    change = set_states(workspace, [key], status, reason, lost=lost)[key]
    if isinstance(change, AsimovError):
        raise change
    return change


def set_states(
    workspace: Workspace,
    keys: Iterable[Key],
    status: str,
    reason: str | None = None,
    *,
    lost: bool = False,
    besides: Besides | None = None,
) -> dict[Key, StateChange | AsimovError]:
    """Set several analyses to a state; return the change of each, or why it was refused.

    See `set_state` for the other parameters.

    Parameters
    ----------
    besides
        Writes to the journal in the transaction of the changes: both are recorded, or neither.
    """
    reasons = dict.fromkeys(keys, reason)
    with at_work(workspace, "asimov production set", wait=True):
        if besides is None:
            return change_states(workspace, reasons, status, lost=lost)
        with workspace.journal.durably():
            changes = change_states(workspace, reasons, status, lost=lost)
            besides(changes)
        return changes


def rehearse(
    workspace: Workspace, keys: Iterable[Key], status: str, *, lost: bool = False
) -> dict[Key, StateChange | AsimovError]:
    """Return what `set_states` would do as things are, and change nothing."""
    jobs = _jobs(workspace)
    found: dict[Key, StateChange | AsimovError] = {}
    for key in keys:
        after, before = _named(workspace, key, status), workspace.status(key)
        refused = _refusal(workspace, key, after, jobs.get(key, []), lost)
        found[key] = refused or StateChange(before, after, _pending(after, key in jobs))
    return found


def cancel(
    workspace: Workspace,
    keys: Iterable[Key],
    reason: str | None,
    report: Callable[[str], None],
    finished: Iterable[Key] = (),
    besides: Besides | None = None,
) -> dict[Key, StateChange | AsimovError]:
    """Cancel analyses, and remove their jobs without waiting for the monitor.

    Requests to run them again are withdrawn, and so are those that only waited for them. An
    analysis that has only been asked to restart is then what it was. A job that can't be removed
    now, because its scheduler does not answer, is removed by a later pass of the monitor.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses.
    reason
        Why, for the log.
    report
        Takes a line for each job.
    finished
        Analyses that only lose their requests.
    besides
        As of `set_states`.

    Returns
    -------
    dict
        The change of each, or why it was refused.
    """
    with at_work(workspace, "asimov cancel", wait=True):
        with workspace.journal.durably():
            changes = _cancelled(workspace, list(keys), reason)
            if besides is not None:
                besides(changes)
        cancelled = {key for key, change in changes.items() if isinstance(change, StateChange)}
        attempts = [
            each
            for each in workspace.journal.open_attempts()
            if each.key in cancelled and each.state == "submitted"
        ]
        answers = ask(workspace, attempts)
        observer = Observer(workspace, report)
        for attempt in attempts:
            answer, change = answers[attempt.uid], changes[attempt.key]
            observer.take(attempt, answer)
            if isinstance(answer, (Present, Gone)) and isinstance(change, StateChange):
                changes[attempt.key] = change._replace(pending="")
        observer.write()
        for key in withdraw_for_cancelled(workspace, {*cancelled, *finished}):
            report(f"{key}: no longer runs again if its inputs change")
    return changes


def _cancelled(
    workspace: Workspace, keys: list[Key], reason: str | None
) -> dict[Key, StateChange | AsimovError]:
    """Cancel analyses, or withdraw the requests of those that have only been asked to restart."""
    workspace.adopt()
    requests = requested(workspace, keys)
    withdrawn = withdraw_restarts(workspace, requests, reason)
    rest = dict.fromkeys((key for key in keys if key not in withdrawn), reason)
    changes = change_states(workspace, rest, "cancelled")
    for key in withdrawn:
        changes[key] = StateChange("restart", requests[key].before, "the request is withdrawn")
    return {key: changes[key] for key in keys}


def change_states(
    workspace: Workspace, reasons: Mapping[Key, str | None], status: str, *, lost: bool = False
) -> dict[Key, StateChange | AsimovError]:
    """Set analyses to a state, each with a reason; the caller holds the lease. See `set_states`."""
    workspace.adopt()
    jobs = _jobs(workspace)
    changes: dict[Key, StateChange | AsimovError] = {}
    for key, reason in reasons.items():
        after = _named(workspace, key, status)
        try:
            changes[key] = _set_state(workspace, key, after, reason, jobs.get(key, []), lost)
        except AsimovError as error:
            changes[key] = error
    return changes


def _jobs(workspace: Workspace) -> dict[Key, list[Attempt]]:
    """Return the attempts whose end has not been seen."""
    jobs: dict[Key, list[Attempt]] = {}
    for attempt in workspace.journal.open_attempts():
        jobs.setdefault(attempt.key, []).append(attempt)
    return jobs


def _named(workspace: Workspace, key: Key, status: str) -> str:
    """Return the state that a name stands for."""
    after = ALIASES.get(status.lower(), status.lower())
    if after in OWN or custom_states.known(workspace, key, after):
        return after
    raise AsimovError(
        f"there is no state {status!r}{did_you_mean(after, STATES)}",
        hint=f"the states are {', '.join(STATES)}",
    )


def _is_lost(workspace: Workspace, key: Key, jobs: list[Attempt], given_up: bool) -> bool:
    """Return whether a person may decide about a job: no scheduler knows it any more."""
    known = all(each.state == "submitted" for each in jobs)
    return bool(jobs) and (given_up or (known and workspace.records[key].job_state == LOST))


def _refusal(
    workspace: Workspace, key: Key, after: str, jobs: list[Attempt], given_up: bool
) -> AsimovError | None:
    """Return why an analysis can't be set to a state; None if it can."""
    before = workspace.status(key)
    if before == after:
        return None
    able = reachable(before, "person")
    possible = after in able
    if jobs and not _is_lost(workspace, key, jobs, given_up):
        able = [state for state in able if state in LEAVING]
    if not possible:
        return AsimovError(
            f"{key} is {before} and can't be set to {after}",
            hint=f"it can be set to {', '.join(able)}",
        )
    if after not in able:
        job = f"job {jobs[0].job_id}" if jobs[0].job_id else "a job that may have been submitted"
        return AsimovError(
            f"{key} can't be set to {after!r}: it has {job}, which may still be running",
            hint="run 'asimov monitor' first, or set it to 'restart', 'stop' or 'cancelled'",
        )
    return None


def _set_state(
    workspace: Workspace,
    key: Key,
    after: str,
    reason: str | None,
    jobs: list[Attempt],
    given_up: bool,
) -> StateChange:
    before = workspace.status(key)
    if before == after:
        return StateChange(before, after)
    if refused := _refusal(workspace, key, after, jobs, given_up):
        raise refused
    lost = _is_lost(workspace, key, jobs, given_up)
    by = person()
    with workspace.journal.transaction():
        # First: if it is refused, nothing was written, also in a transaction of the caller.
        if not workspace.move(key, after, by, reason):
            raise AsimovError(
                f"{key} changed to {workspace.status(key)!r} meanwhile, and was left as it is",
                hint="check its state with 'asimov status', and try again",
            )
        for each in jobs if given_up or (lost and after not in LEAVING) else ():
            how = f"set to {after}" + (": its job is lost" if given_up else "")
            workspace.journal.ended(each.uid, "ended", evidence=by, reason=how)
    return StateChange(before, after, _pending(after, bool(jobs)))


def _pending(after: str, has_job: bool) -> str:
    if after in {"stop", "restart"}:
        return "the next pass of 'asimov monitor' carries it out"
    if has_job and after == "cancelled":
        return "the next pass of 'asimov monitor' removes its job"
    return ""
