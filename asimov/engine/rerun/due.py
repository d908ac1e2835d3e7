"""Restart analyses in a monitor pass: on request, or with ``rerun: automatic``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from asimov import text
from asimov.engine.staleness.inputs import upstream_first
from asimov.engine.staleness.reasons import RESULTS, Reason
from asimov.engine.staleness.verdicts import WITHOUT_RESULT, outdated
from asimov.journal.keys import Key
from asimov.journal.reruns import Request, Requests
from asimov.ledger.contents import Contents
from asimov.ledger.validity import AUTOMATIC, RERUN, is_automatic
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock

Report = Callable[[str], None]

#: How often an analysis may be restarted by itself within a time in seconds. Something that changes
#: with every run, such as a file that two analyses write in turn, would never come to an end.
MOST, WITHIN = 3, 86400
#: So often; and the reason of an analysis that is not restarted any more.
AGAIN = f"{MOST} reruns in a day"
TOO_OFTEN = f"it is out of date again after {AGAIN}: a person must check it"


def rerun_due(
    workspace: Workspace, keys: Collection[Key], report: Report, *, chain: bool
) -> tuple[int, int]:
    """Restart the out-of-date analyses that are to run again without another question.

    These are analyses that a person asked for, once their inputs are settled, and if the pass also
    submits, those with ``rerun: automatic``. Only analyses with stored results are restarted.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    keys
        The analyses to look at.
    report
        Takes a line for each thing that happened.
    chain
        Whether the pass builds and submits.

    Returns
    -------
    tuple of int
        How many were restarted, and how many were not because they were too often already.
    """
    asked = Requests(workspace.journal)
    requests = {key: each for key, each in asked.all().items() if key in keys}
    if obsolete := [key for key in requests if _has_none(workspace, key)]:
        asked.close(obsolete)  # it runs anyway, or a person has decided otherwise
        requests = {key: each for key, each in requests.items() if key not in obsolete}
    automatic = _automatic(workspace, keys) if chain else set()
    due = [
        key
        for key in workspace.contents.entries
        if (key in requests or key in automatic) and workspace.status(key) == "uploaded"
    ]
    if not due:
        return 0, 0
    old = outdated(workspace, due)
    if not old and not requests:
        return 0, 0
    restarted = given_up = 0
    for key in _settled(workspace, due):
        request = requests.get(key)
        if request is None and all(each.kind == RESULTS for each in old.get(key, ())):
            continue  # a disk that is away for an hour must not have everything run again
        if key in old:
            if _restart(workspace, asked, key, old[key], request, report):
                restarted += 1
            else:
                given_up += 1
        elif request:
            asked.close([key])
            workspace.journal.note(
                key, "monitor", "rerun", "not run again: its inputs have not changed"
            )
            report(f"{key}: not run again: its inputs have not changed")
    return restarted, given_up


def _has_none(workspace: Workspace, key: Key) -> bool:
    return key not in workspace.contents.entries or workspace.status(key) in WITHOUT_RESULT


def _automatic(workspace: Workspace, keys: Collection[Key]) -> set[Key]:
    if not _is_mentioned(workspace.contents):
        return set()
    return {
        key
        for key in keys
        if workspace.status(key) == "uploaded" and is_automatic(workspace.settings(key))
    }


def _is_mentioned(contents: Contents) -> bool:
    """Return whether anything in the ledger runs again by itself; quick, for an idle pass."""
    pipelines = (contents.project.get("pipelines") or {}).values()
    places: Iterable[object] = (contents.project, *pipelines, *contents.subjects.values())
    return any(isinstance(each, dict) and each.get(RERUN) == AUTOMATIC for each in places) or any(
        entry.data.get(RERUN) == AUTOMATIC for entry in contents.entries.values()
    )


def _settled(workspace: Workspace, due: Collection[Key]) -> Iterable[Key]:
    """Yield analyses whose inputs are all made, and none of them about to be made again."""
    wanted, unsettled = set(due), set()
    for key in upstream_first(workspace, due):
        if not STATES[workspace.status(key)].done or any(
            each in unsettled for each in workspace.dependencies.inputs(key)
        ):
            unsettled.add(key)
        elif key in wanted:
            yield key
            if workspace.status(key) == "restart":
                unsettled.add(key)


def _restart(
    workspace: Workspace,
    asked: Requests,
    key: Key,
    reasons: tuple[Reason, ...],
    request: Request | None,
    report: Report,
) -> bool:
    why = "out of date: " + text.listed(reasons)
    if request is not None:
        why = f"{why}; {request.actor} asked for it: {request.reason}"
    elif asked.automatic(key, clock.now() - WITHIN) >= MOST:
        record = workspace.records[key]
        if record.reason != TOO_OFTEN:
            workspace.give_reason(key, "monitor", TOO_OFTEN)
            report(f"{key}: {TOO_OFTEN}")
        return False
    else:
        why = f"{why}; rerun: automatic"
    with workspace.journal.transaction():
        moved = workspace.move(key, "restart", "monitor", why)
        asked.close([key])
    report(f"{key}: uploaded -> restart: {why}")
    return moved
