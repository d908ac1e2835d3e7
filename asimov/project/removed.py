"""Analyses that the journal knows and the ledger lacks: what commands say of them."""

from __future__ import annotations

from collections.abc import Iterable

from asimov.errors import AsimovError
from asimov.journal.forgotten import forget as record
from asimov.journal.records import Record
from asimov.keys import Key
from asimov.project.workspace import Workspace
from asimov.text import short

#: How many a short warning names.
_NAMED = 5


def warning(workspace: Workspace, *, whole: bool = False) -> list[str]:
    """Return the lines that warn of analyses which are missing from the ledger; none if none are.

    Parameters
    ----------
    workspace
        The open project.
    whole
        Whether to list all of them, with their states and jobs, or to name the first few.
    """
    found = workspace.unlisted()
    if not found:
        return []
    count, verb = ("1 analysis", "is") if len(found) == 1 else (f"{len(found)} analyses", "are")
    names = [f"{each.subject}/{each.name}" for each in found]
    first = f"WARNING: {count} that the journal knows {verb} missing from the ledger:"
    if whole:
        lines = [first, *(f"  {_line(each)}" for each in found)]
    else:
        more = " and others" if len(names) > _NAMED else ""
        lines = [f"{first} {', '.join(names[:_NAMED])}{more}"]
    files = sorted({f"ledger/{workspace.file_of(each.key)}" for each in found})
    others = " and others" if len(files) > _NAMED else ""
    return [
        *lines,
        f"  restore {', '.join(files[:_NAMED])}{others} from git or a copy",
        "  if you removed them on purpose: 'asimov production forget SUBJECT NAME'",
    ]


def _line(record: Record) -> str:
    job = f", job {record.job_id}" if record.job_id is not None else ""
    return f"{record.subject}/{record.name}: {record.status}{job}"


def forget(
    workspace: Workspace, subject: str, names: Iterable[str], by: str, reason: str
) -> list[Key]:
    """Confirm that analyses were removed from the ledger on purpose; their history is kept.

    Parameters
    ----------
    workspace
        The open project.
    subject, names
        The analyses; without names all of the subject that are missing.
    by, reason
        Who confirms it, and why.

    Raises
    ------
    AsimovError
        Where one is in the ledger, unknown, or has a job whose end has not been seen.
    """
    missing = [each.key for each in workspace.unlisted(subject)]
    keys = [Key(subject, name) for name in names] or missing
    if not keys:
        raise AsimovError(f"no analysis of {short(subject)} is missing from the ledger")
    with_job = {attempt.key: attempt for attempt in workspace.journal.open_attempts()}
    for key in keys:
        if key not in missing:
            raise _not_missing(workspace, key)
        if key in with_job:
            raise AsimovError(
                f"{key} has a job whose end has not been seen",
                hint="put it back into the ledger, set it to cancelled, run 'asimov monitor', and "
                "remove it again",
            )
    record(workspace.journal, keys, by, reason)
    return keys


def _not_missing(workspace: Workspace, key: Key) -> AsimovError:
    name = "/".join(map(short, key))
    if key in workspace.contents.entries:
        return AsimovError(
            f"{name} is in the ledger", hint=f"remove it from {workspace.file_of(key)} first"
        )
    if error := workspace.contents.broken.get(workspace.file_of(key)):
        return error
    if key in workspace.records:
        return AsimovError(f"{name} is forgotten already")
    return AsimovError(f"there was never an analysis {name}")
