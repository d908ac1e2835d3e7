"""Why an analysis could not be built, and whether that still stands: its settings may be mended."""

from __future__ import annotations

from collections.abc import Iterable

from asimov.errors import AsimovError, ReportedError, SchedulerUnreachableError
from asimov.journal.builds import Builds
from asimov.journal.keys import Key
from asimov.journal.provenance import digest_of
from asimov.journal.records import Record
from asimov.journal.tasks import is_awaited
from asimov.project.workspace import Workspace

_BEGINNING = "can't be built: "
#: What is said instead of the reason once the ledger has changed.
MENDED = "its settings have changed since its build failed"


def remember(workspace: Workspace, key: Key, why: str) -> None:
    """Record why an analysis can't be built, and with which settings."""
    workspace.journal.observed([(key, None, f"{_BEGINNING}{why}", None)])
    digest = _settings(workspace, key)
    builds = Builds(workspace.journal)
    if builds.refused(key) != digest:
        builds.refuse(key, digest)


def give_up(workspace: Workspace, key: Key, error: ReportedError) -> bool:
    """Have an analysis stuck that can't be built or submitted, if a program waits for it.

    A person mends such an analysis, and the next pass tries again; a program would wait for ever.

    Returns
    -------
    bool
        Whether it is stuck now.
    """
    is_final = isinstance(error, AsimovError) and not isinstance(error, SchedulerUnreachableError)
    if not is_final or workspace.status(key) != "ready" or not is_awaited(workspace.journal, key):
        return False
    workspace.move(key, "stuck", "submit", str(error))
    return True


def forget(workspace: Workspace, built: Iterable[Key], unchanged: Iterable[Key]) -> None:
    """Forget what stood in the way of analyses that have been built, or that were found built."""
    records = workspace.records
    done = [key for key in built if records[key].job_detail]
    done += [key for key in unchanged if _is_refusal(records.get(key))]
    if done:
        workspace.journal.observed((key, None, None, None) for key in done)


def _is_refusal(record: Record | None) -> bool:
    return record is not None and (record.job_detail or "").startswith(_BEGINNING)


def standing(workspace: Workspace, record: Record | None) -> str | None:
    """Return what is known of the job of an analysis or why it has none; None if nothing is.

    A reason for which the ledger no longer gives cause is replaced by that.
    """
    if record is None or not _is_refusal(record):
        return record and record.job_detail
    known = Builds(workspace.journal).refused(record.key)
    mended = known is not None and known != _settings(workspace, record.key)
    return MENDED if mended else record.job_detail


def _settings(workspace: Workspace, key: Key) -> str:
    # Those of the ledger: the defaults of a pipeline would load it, which may be what failed.
    layers = workspace.contents.layers(workspace.contents.entries[key], {})
    return digest_of([layer for _, layer in layers])
