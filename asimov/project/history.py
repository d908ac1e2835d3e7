"""Changes of the ledger: who made each, with which command and why, and what it changed."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from asimov.configuration import person
from asimov.journal.journal import Journal
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.journal.revisions import Revision, Revisions
from asimov.ledger.append import Texts
from asimov.ledger.contents import Contents
from asimov.ledger.layout import PROJECT_FILE
from asimov.ledger.reviews import outcome
from asimov.project.fresh_start import EarlierLife
from asimov.text import short

#: The most characters of a command line that are kept.
_LONGEST = 1000
#: The most names that a line has of those that were added, removed or changed.
_MOST = 5
#: Names and passwords in an address.
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")

#: What the documents are called that are the reviews of analyses.
REVIEW = "review of "

_Documents = Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class Origin:
    """Where a change of the ledger comes from.

    Attributes
    ----------
    command
        The command, such as ``asimov apply``.
    reason
        Why, if a person said so.
    details
        More about it, as plain data, for who undoes it: ``moved`` (the old name and the new one of
        an analysis or a subject), ``deleted`` (analyses whose files were deleted), ``undoes`` (the
        number of the change that it takes back).
    """

    command: str
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def command_line(command: str) -> str:
    """Return the command line of this process, without passwords; a given one if it has none."""
    if Path(sys.argv[0]).name not in {"asimov", "__main__.py"}:
        return command
    line = shlex.join(["asimov", *sys.argv[1:]])
    return short(_CREDENTIALS.sub("", line), _LONGEST)


def record(
    journal: Journal,
    origin: Origin,
    texts: Texts,
    before: _Documents,
    after: _Documents,
    lives: Mapping[str, EarlierLife] | None = None,
) -> None:
    """Record a change in the history.

    Parameters
    ----------
    journal
        The open journal.
    origin
        Where the change comes from.
    texts
        The texts of its files.
    before, after
        The same files as documents, by path; None where there is no file.
    lives
        What analyses were that start fresh now, by name.
    """
    what = {**origin.details, "files": changes(before, after)}
    if lives:
        what["earlier"] = msgspec.to_builtins(lives, builtin_types=(bytes,))
    command = command_line(origin.command)
    Revisions(journal).add(person(), command, origin.reason, what, texts.before, texts.after)


def earlier_lives(revision: Revision) -> dict[Key, EarlierLife]:
    """Return what the analyses were that a change let start fresh."""
    found = msgspec.convert(revision.what.get("earlier", {}), dict[str, EarlierLife])
    return {Key(*name.split("/", 1)): life for name, life in found.items()}


def documents(contents: Contents, paths: Iterable[str]) -> dict[str, Mapping[str, Any] | None]:
    """Return the documents of a ledger in some of its files; None where there is none."""
    found: dict[str, Mapping[str, Any] | None] = {}
    for path in paths:
        name = path.rpartition("/")[2].removesuffix(".yaml")
        if path == PROJECT_FILE:
            found[path] = contents.project
        elif path.startswith("subjects/"):
            found[path] = contents.subjects.get(name)
        else:
            entry = contents.entries.get(Key(PROJECT_ANALYSES, name))
            found[path] = entry.data if entry else None
    return found


def record_review(journal: Journal, origin: Origin, key: Key, before: Any, after: Any) -> None:
    """Record a change of the review of an analysis."""
    path = f"{REVIEW}{key}"
    what = {**origin.details, "reviewed": str(key), "verdict": outcome(after) or ""}
    command = command_line(origin.command)
    was, now = {path: review_text(before)}, {path: review_text(after)}
    Revisions(journal).add(person(), command, origin.reason, what, was, now)


def review_text(review: Any) -> str | None:
    """Return the text of a review as the history has it."""
    if review is None:
        return None
    return msgspec.json.format(msgspec.json.encode(review, enc_hook=str)).decode() + "\n"


def changes(before: _Documents, after: _Documents) -> dict[str, dict[str, Any]]:
    """Return what changes in each file: names of analyses, and whether other settings do."""
    found = {}
    for path, document in after.items():
        old, new = _parts(path, before.get(path)), _parts(path, document)
        one = {
            "added": [name for name in new if name and name not in old],
            "removed": [name for name in old if name and name not in new],
            "changed": [name for name in old if name and name in new and old[name] != new[name]],
            "settings": "" in old and "" in new and old[""] != new[""],
            "made": before.get(path) is None,
            "deleted": document is None,
        }
        found[path] = {key: value for key, value in one.items() if value}
    return found


def _parts(path: str, document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the analyses of a document by name, and the rest under an empty name."""
    if document is None:
        return {}
    if path.startswith("analyses/"):
        return {document["name"]: document}
    analyses = (document.get("analyses") or []) if path != PROJECT_FILE else []
    rest = {key: value for key, value in document.items() if key != "analyses"}
    return {"": rest} | {each["name"]: each for each in analyses}


def subject_of(path: str) -> str:
    """Return the subject whose document a ledger file is; that of project analyses, or none."""
    if path.startswith("subjects/"):
        return path.removeprefix("subjects/").removesuffix(".yaml")
    return PROJECT_ANALYSES if path.startswith("analyses/") else ""


def keys_of(revision: Revision, word: str) -> list[Key]:
    """Return the analyses that a change ``added``, ``removed`` or ``changed``."""
    return [
        Key(subject_of(path), name)
        for path, each in revision.what.get("files", {}).items()
        for name in each.get(word, ())
    ]


def concerns(revision: Revision, subject: str, name: str | None) -> bool:
    """Return whether a change was about a subject, or about one of its analyses."""
    if revision.what.get("reviewed"):
        return revision.what["reviewed"] == f"{subject}/{name or ''}" or (
            name is None and revision.what["reviewed"].startswith(f"{subject}/")
        )
    moved = [str(each).split("/") for each in revision.what.get("moved", ())]
    if any(each[:1] == [subject] and name in {None, *each[1:]} for each in moved):
        return True
    for path, each in revision.what.get("files", {}).items():
        named = {*each.get("added", ()), *each.get("removed", ()), *each.get("changed", ())}
        if subject_of(path) == subject and (name is None or name in named):
            return True
    return False


def lines(revision: Revision) -> list[str]:
    """Return what a change was, in a line for each file."""
    found = []
    if reviewed := revision.what.get("reviewed"):
        verdict = revision.what.get("verdict")
        return [f"{REVIEW}{reviewed}" + (f": {verdict}" if verdict else "")]
    if moved := revision.what.get("moved"):
        return [f"{moved[0]} -> {moved[1]}, in {', '.join(revision.what.get('files', ()))}"]
    for path, each in revision.what.get("files", {}).items():
        parts = [word for word in ("made", "deleted") if each.get(word)]
        for word in ("added", "removed", "changed"):
            if names := each.get(word):
                more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
                parts.append(f"{word} {', '.join(names[:_MOST])}{more}")
        if each.get("settings"):
            parts.append("changed settings" if subject_of(path) else "changed settings of all")
        found.append(f"{path}: {'; '.join(parts) or 'changed'}")
    return found
