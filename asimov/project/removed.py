"""Analyses in the journal that are missing from the ledger: warn, or confirm their removal."""

from __future__ import annotations

from collections.abc import Iterable

from asimov.errors import AsimovError
from asimov.journal.confirmed_removals import forget as record
from asimov.journal.confirmed_removals import forgotten
from asimov.journal.keys import Key
from asimov.journal.records import Record
from asimov.journal.revisions import Revisions
from asimov.ledger.layout import PROJECT_FILE, file_of, parse
from asimov.project.workspace import Workspace
from asimov.text import short

#: How many a short warning names.
_NAMED = 5


def unlisted(workspace: Workspace, subject: str | None = None) -> list[Record]:
    """Return the journal's records of analyses that are missing from the ledger.

    Left out are those whose ledger file is unusable, and those whose removal was confirmed.

    Parameters
    ----------
    workspace
        The open project.
    subject
        The only subject to look at; by default all.
    """
    entries = workspace.contents.entries
    if workspace.records.keys() <= entries.keys():
        return []
    found = [
        record
        for key, record in workspace.records.items()
        if key not in entries and (subject is None or subject == key.subject)
    ]
    if found:
        known = forgotten(workspace.journal)
        broken = workspace.contents.broken
        found = [
            each for each in found if each.key not in known and file_of(each.key) not in broken
        ]
    return found


def was_removed(workspace: Workspace, key: Key) -> bool:
    """Return whether a person removed an analysis from the ledger, by a command or confirmed.

    One that is only missing there may come back: its file can't be read, or was cut short.
    """
    return key not in workspace.contents.entries and key in forgotten(workspace.journal)


def warning(workspace: Workspace, *, whole: bool = False) -> list[str]:
    """Return a warning, as lines, about analyses that are missing from the ledger.

    Parameters
    ----------
    workspace
        The open project.
    whole
        Whether to list all of them with their states and jobs, instead of the first few names.
    """
    found = unlisted(workspace)
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
    files = sorted({f"ledger/{file_of(each.key)}" for each in found})
    others = " and others" if len(files) > _NAMED else ""
    return [
        *lines,
        f"  restore {', '.join(files[:_NAMED])}{others} from git or a backup",
        "  if you removed them on purpose: 'asimov production forget SUBJECT/NAME'",
    ]


def ledger_warnings(workspace: Workspace, *, whole: bool = False) -> list[str]:
    """Return warnings of ledger files that can't be used and of analyses missing from the ledger.

    Parameters
    ----------
    workspace
        The open project.
    whole
        Whether to list every analysis that is missing, or to name the first few.
    """
    broken = [
        line
        for error in workspace.contents.broken.values()
        for line in (f"warning: {error}", *([f"  {error.hint}"] if error.hint else []))
    ]
    return [*broken, *_emptied(workspace), *warning(workspace, whole=whole)]


def _emptied(workspace: Workspace) -> list[str]:
    """Return a warning if project.yaml has lost all settings that a command wrote to it."""
    if workspace.contents.project or not workspace.records:
        return []
    revisions = Revisions(workspace.journal)
    last = revisions.last_of(PROJECT_FILE)
    text = revisions.text(last[1]) if last and last[1] else None
    if last is None or text is None or not parse(PROJECT_FILE, text, PROJECT_FILE):
        return []
    return [
        f"WARNING: ledger/{PROJECT_FILE} is empty; change {last[0]} of the ledger's history "
        "left settings in it, which all analyses now lack",
        "  restore it from git or a backup; 'asimov ledger history --diff' shows what was in it",
        "  if you no longer want them: write 'kind: configuration' into it",
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
        The analyses; without names, all missing ones of the subject.
    by, reason
        Who confirms it, and why.

    Raises
    ------
    AsimovError
        If one is in the ledger, is unknown, or has a job that has not been seen to end.
    """
    missing = [each.key for each in unlisted(workspace, subject)]
    keys = [Key(subject, name) for name in names] or missing
    if not keys:
        raise AsimovError(
            f"there is no analysis of {short(subject)} to forget",
            hint="only analyses that were removed from the ledger can be forgotten",
        )
    with_job = {attempt.key: attempt for attempt in workspace.journal.open_attempts()}
    for key in keys:
        if key not in missing:
            raise _not_missing(workspace, key)
        if key in with_job:
            raise AsimovError(
                f"{key} has a job that may still be running",
                hint="restore it in the ledger, set it to cancelled, run 'asimov monitor', and "
                "remove it again",
            )
    record(workspace.journal, keys, by, reason)
    return keys


def _not_missing(workspace: Workspace, key: Key) -> AsimovError:
    name = short(str(key))
    if key in workspace.contents.entries:
        return AsimovError(
            f"{name} is still in the ledger", hint=f"remove it first: asimov rm {name}"
        )
    if error := workspace.contents.broken.get(file_of(key)):
        return error
    if key in workspace.records:
        return AsimovError(f"{name} is already forgotten")
    return AsimovError(f"there is no analysis {name}, now or earlier")
