"""Requested restarts that no pass has carried out yet, and how they are withdrawn."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from asimov.configuration import person
from asimov.journal.keys import Key
from asimov.project.storage.names import STORED
from asimov.project.workspace import Workspace
from asimov.states import reachable
from asimov.system import clock

#: The role in the table of states of whoever withdraws such a request.
CANCEL = "cancel"


class Requested(NamedTuple):
    """A requested restart of an analysis without a job.

    Attributes
    ----------
    asked
        When it was requested, in seconds since the epoch.
    actor
        Who requested it.
    reason
        Why; empty if that was not said.
    before
        The state that the analysis was in.
    before_reason
        Why it was in that state.
    """

    asked: float
    actor: str
    reason: str
    before: str
    before_reason: str

    def __str__(self) -> str:
        return f"to run again with the next pass, requested by {self.actor} at {self.when}"

    @property
    def when(self) -> str:
        """When it was requested, in ISO 8601."""
        return clock.iso(self.asked)

    def as_json(self) -> dict[str, str]:
        """Return the request as plain data."""
        return {"by": self.actor, "at": self.when, "reason": self.reason}


def requested(workspace: Workspace, keys: Collection[Key]) -> dict[Key, Requested]:
    """Return those of some analyses that have only been asked to restart, each with the request.

    Whatever the state that it was in stands on is still there: such an analysis can be what it was.
    One whose job may still be in the queue is not among them, nor one whose restart a pass began
    before it was killed.

    Parameters
    ----------
    workspace
        The open project.
    keys
        The analyses to look at.
    """
    restarted = [key for key in keys if workspace.status(key) == "restart"]
    if not restarted:
        return {}
    with_job = {each.key for each in workspace.journal.open_attempts()}
    found = {}
    for key in restarted:
        request = None if key in with_job else _last(workspace, key)
        if request is not None and not _is_begun(workspace, key, request):
            found[key] = request
    return found


def withdraw_restarts(
    workspace: Workspace, requests: dict[Key, Requested], reason: str | None
) -> list[Key]:
    """Give analyses the state back in which they were asked to restart; return those that have it.

    The caller holds the lease.

    Parameters
    ----------
    workspace
        The open project.
    requests
        What `requested` returned.
    reason
        The person's reason, for the log.
    """
    done = []
    for key, each in requests.items():
        said = f"the request to run it again was withdrawn{f': {reason}' if reason else ''}"
        said = f"{each.before_reason}; {said}" if each.before_reason else said
        if workspace.move(key, each.before, person(), said, role=CANCEL):
            done.append(key)
    return done


def _last(workspace: Workspace, key: Key) -> Requested | None:
    """Return the last request to restart an analysis, if it was in a state without a job."""
    changes = [each for each in workspace.journal.events(*key) if each.kind == "state"]
    if not changes or changes[-1].after != "restart" or not changes[-1].before:
        return None
    last = changes[-1]
    before = str(last.before)
    if before not in reachable("restart", CANCEL):
        return None
    # Not one that itself tells of a withdrawal: reasons would grow.
    own = [each for each in changes if each.after == before and each.before != "restart"]
    why = (own[-1].reason or "") if own else ""
    return Requested(last.time, last.actor, last.reason or "", before, why)


def _is_begun(workspace: Workspace, key: Key, request: Requested) -> bool:
    """Return whether a pass that was killed has taken away what the earlier state stands on."""
    stored = bool(workspace.store.manifest(*key))
    if request.before == "uploaded" and request.before_reason.startswith(STORED):
        return not stored
    return request.before in {"finished", "review"} and not (
        stored or Path(workspace.analysis(key).rundir).is_dir()
    )
