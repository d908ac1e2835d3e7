"""Set an analysis to a state that a person chose, as the table of states and its job allow."""

from __future__ import annotations

from typing import NamedTuple

from asimov.configuration import owner
from asimov.engine.attempts import LEAVING
from asimov.engine.lease import at_work
from asimov.engine.status import LOST
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.plugins import custom_states
from asimov.project.workspace import Workspace
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
    with at_work(workspace, "asimov production set", wait=True):
        return _set_state(workspace, key, _named(workspace, key, status), reason, lost)


def _named(workspace: Workspace, key: Key, status: str) -> str:
    """Return the state that a name stands for."""
    after = ALIASES.get(status.lower(), status.lower())
    if after in OWN or custom_states.known(workspace, key, after):
        return after
    raise AsimovError(
        f"there is no state {status!r}{did_you_mean(after, STATES)}",
        hint=f"the states are {', '.join(STATES)}",
    )


def _set_state(
    workspace: Workspace, key: Key, after: str, reason: str | None, given_up: bool
) -> StateChange:
    subject, name = key
    workspace.adopt()
    before = workspace.status(key)
    if before == after:
        return StateChange(before, after)
    jobs = [each for each in workspace.journal.open_attempts() if each.key == key]
    # Only a person can decide about a job that the scheduler no longer knows.
    known = all(each.state == "submitted" for each in jobs)
    lost = jobs and (given_up or (known and workspace.records[key].job_state == LOST))
    able = reachable(before, "person")
    if jobs and not lost:
        able = [state for state in able if state in LEAVING]
    if after not in reachable(before, "person"):
        raise AsimovError(
            f"{subject}/{name} is {before} and can't be set to {after}",
            hint=f"it can be set to {', '.join(able)}",
        )
    if after not in able:
        job = f"job {jobs[0].job_id}" if jobs[0].job_id else "a job that may have been submitted"
        raise AsimovError(
            f"{subject}/{name} has {job}, whose end has not been seen",
            hint="run 'asimov monitor' first, or set it to restart, stop or cancelled",
        )
    person = owner()
    with workspace.journal.transaction():
        for each in jobs if given_up or (lost and after not in LEAVING) else ():
            how = f"set to {after}" + (": its job is lost" if given_up else "")
            workspace.journal.ended(each.uid, "ended", exit_code=None, evidence=person, reason=how)
        if not workspace.move(key, after, person, reason):
            raise AsimovError(
                f"{subject}/{name} became {workspace.status(key)} at the same moment",
                hint="check its state with 'asimov status', and try again",
            )
    return StateChange(before, after, _pending(after, bool(jobs)))


def _pending(after: str, has_job: bool) -> str:
    if after in {"stop", "restart"}:
        return "the next pass of 'asimov monitor' carries it out"
    if has_job and after == "cancelled":
        return "the next pass of 'asimov monitor' removes its job"
    return ""
