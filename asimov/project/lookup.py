"""Find an analysis or a subject by the name that a person gave, or explain why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from asimov.errors import AsimovError
from asimov.journal.journal import Journal
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.journal.records import Record
from asimov.journal.revisions import Revisions
from asimov.ledger.contents import Contents
from asimov.ledger.layout import file_of, subject_file
from asimov.text import did_you_mean, quoted, short

#: Returns the number of the change of the ledger that removed an analysis, or with an empty name a
#: subject; None if none did.
Removals = Callable[[Key], "int | None"]


def _none(key: Key) -> int | None:
    return None


def keys_of(contents: Contents, subject: str | None, removals: Removals = _none) -> list[Key]:
    """Return the analyses of a subject, or all of them.

    Raises
    ------
    AsimovError
        If there is no such subject.
    """
    if subject is None:
        return list(contents.entries)
    if subject not in contents.subjects and subject != PROJECT_ANALYSES:
        raise unknown_subject(contents, subject, removals)
    return [key for key in contents.entries if key[0] == subject]


def key_of(
    contents: Contents,
    records: Mapping[Key, Record],
    subject: str,
    name: str,
    removals: Removals = _none,
) -> Key:
    """Return the key of an analysis that a person named.

    Parameters
    ----------
    contents, records
        The ledger, and what the journal knows of analyses.
    subject, name
        What the person named.
    removals
        Returns the change of the ledger that removed an analysis; see `removal_of`.

    Raises
    ------
    AsimovError
        If there is none; the hint lists the analyses of the subject.
    """
    key = Key(subject, name)
    if key in contents.entries:
        return key
    record = records.get(key)
    if record is not None and file_of(key) not in contents.broken:
        number = removals(key)
        if number is not None:
            raise AsimovError(
                f"{key} was removed from the ledger; it was {record.status}",
                hint=f"'asimov ledger undo {number}' brings it back; 'asimov log {key}' shows its "
                "history",
            )
        raise AsimovError(
            f"{key} is missing from the ledger, but the journal has it as {record.status}",
            hint=f"restore ledger/{file_of(key)} from git or a backup; 'asimov log {key}' shows "
            "its history",
        )
    names = [each for _, each in keys_of(contents, subject, removals)]
    if is_pattern(name):
        raise _pattern_refused(f"{subject}/{name}")
    near = did_you_mean(name, names)
    raise AsimovError(
        f"{subject} has no analysis {name!r}{near}", hint=f"its analyses: {_first(names) or 'none'}"
    )


def removal_of(journal: Journal, key: Key) -> int | None:
    """Return the number of the last change of an analysis if it is one that removed it.

    With an empty name, it is that of the subject.
    """
    if not key.name:
        last = Revisions(journal).last_of(subject_file(key.subject))
        return last[0] if last is not None and last[1] is None else None
    for each in reversed(Revisions(journal).all()):
        number: int = each.number
        files = each.what.get("files", {}).get(file_of(key), {})
        if key.name in files.get("removed", ()):
            return number
        if key.name in files.get("added", ()):
            return None
    return None


def unknown_subject(contents: Contents, name: str, removals: Removals = _none) -> AsimovError:
    """Return the error for a subject that the ledger lacks, or whose file can't be used."""
    if broken := contents.broken.get(subject_file(name)):
        return broken
    subject, slash, _ = name.partition("/")
    if slash and subject in contents.subjects:
        return AsimovError(
            f"{short(name)} is an analysis, but a subject is needed here",
            hint=f"to select all analyses of its subject, give {subject}",
        )
    if is_pattern(name):
        return _pattern_refused(name)
    number = removals(Key(name, ""))
    if number is not None:
        return AsimovError(
            f"the subject {name} was removed from the ledger, or renamed",
            hint=f"'asimov ledger undo {number}' brings it back",
        )
    names = list(contents.subjects)
    listed = _first(names) or "none yet; 'asimov apply' adds them"
    return AsimovError(
        f"there is no subject {name!r}{did_you_mean(name, names)}", hint=f"subjects: {listed}"
    )


def is_pattern(name: str) -> bool:
    """Return whether a word selects names, as those of a shell do; no name has these signs."""
    return any(each in name for each in "*?[")


def _pattern_refused(pattern: str) -> AsimovError:
    pattern = short(pattern)
    return AsimovError(
        f"{quoted(pattern)} is a pattern, but a name is needed here",
        hint=f"'asimov status \"{pattern}\"' shows what it selects",
    )


def _first(names: Iterable[str]) -> str:
    return ", ".join([*names][:10])
