"""Undo a change of the ledger: put its documents back as they were before it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any

import msgspec

from asimov.configuration import person
from asimov.engine.changes.removal import dependants
from asimov.engine.changes.renaming import Renaming, TakenError, rename
from asimov.engine.changes.renaming import look_over as look_over_renaming
from asimov.engine.lease import at_work
from asimov.engine.staleness.consequences import newly_outdated
from asimov.errors import AsimovError
from asimov.journal.confirmed_removals import take_back
from asimov.journal.keys import Key
from asimov.journal.revisions import Revision, Revisions, digest
from asimov.ledger.layout import parse
from asimov.ledger.plan import Plan
from asimov.ledger.reviews import messages, outcome
from asimov.project import file_changes, fresh_start, history
from asimov.project.file_changes import FileChange
from asimov.project.fresh_start import EarlierLife
from asimov.project.history import Origin
from asimov.project.storage.superseded import is_superseded
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace
from asimov.text import listed


class EditedSinceError(AsimovError):
    """A person edited a document since the change.

    Attributes
    ----------
    difference
        What they changed, as lines of a unified diff.
    """

    difference: tuple[str, ...] = ()


@dataclass
class Undoing:
    """What undoing a change means.

    Attributes
    ----------
    revision
        The change.
    texts
        The texts of its documents before it, by path; None where there was none.
    leaving
        The analyses that the change added, which leave the ledger.
    returning
        The analyses that it removed, which return.
    earlier
        What analyses were that the change let start fresh, and that they become again.
    notes
        What becomes of their states, for people.
    """

    revision: Revision
    texts: dict[str, str | None]
    leaving: list[Key] = field(default_factory=list)
    returning: list[Key] = field(default_factory=list)
    earlier: dict[Key, EarlierLife] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose(workspace: Workspace, number: int | None) -> Revision:
    """Return the change to undo: by its number, or the last one that is not undone.

    Raises
    ------
    AsimovError
        If there is none.
    """
    found = Revisions(workspace.journal).all()
    undone = {each.what.get("undoes") for each in found}
    if number is None:
        left = [each for each in found if each.number not in undone and "undoes" not in each.what]
        if not left:
            raise AsimovError(
                "there is no change to undo", hint="'asimov ledger history' lists all changes"
            )
        return left[-1]
    for each in found:
        if each.number == number:
            return each
    raise AsimovError(f"there is no change {number}", hint="'asimov ledger history' lists them")


def look_over(workspace: Workspace, revision: Revision, *, force: bool = False) -> Undoing:
    """Return what undoing a change means.

    Parameters
    ----------
    workspace
        The open project.
    revision
        The change.
    force
        Whether analyses that have run, or that others need, may leave the ledger, and those that
        ran again since they were removed may return.

    Raises
    ------
    EditedSinceError
        If a person has edited one of its documents since.
    AsimovError
        If a later change has, or for analyses that can't leave.
    """
    if moved := revision.what.get("moved"):
        back = _back_to_old_name(workspace, *moved)
        return Undoing(revision, {}, notes=[*back.notes, f"{moved[1]} is {moved[0]} again"])
    if reviewed := revision.what.get("reviewed"):
        _, review = _review_before(workspace, revision)
        return Undoing(revision, {}, notes=[_review_again(reviewed, review)])
    revisions = Revisions(workspace.journal)
    undoing = Undoing(revision, {})
    for path, (before, after) in revisions.documents(revision.number).items():
        _check_unchanged(workspace, revisions, revision, path, after)
        undoing.texts[path] = None if before is None else revisions.text(before)
        if before is not None and undoing.texts[path] is None:
            raise AsimovError(
                f"the contents of {path} before change {revision.number} are no longer kept",
                hint="the history keeps 50 MB of contents; restore the file from git or a backup",
            )
    entries = workspace.contents.entries
    undoing.leaving = [key for key in history.keys_of(revision, "added") if key in entries]
    undoing.returning = [key for key in history.keys_of(revision, "removed") if key not in entries]
    undoing.earlier = {
        key: life
        for key, life in history.earlier_lives(revision).items()
        if key in undoing.leaving and not _ran_since(workspace, revision, key)
    }
    _check_leaving(workspace, undoing, force=force)
    undoing.notes += _notes_on_earlier_lives(workspace, undoing)
    deleted = set(revision.what.get("deleted", ()))
    for key in undoing.returning:
        record = workspace.records.get(key)
        if (later := _later_life(workspace, revision, key)) is not None:
            undoing.notes.append(_not_as_before(workspace, revision, key, later, force=force))
        elif str(key) in deleted:
            undoing.notes.append(f"{key} starts fresh: its files were deleted")
        elif record:
            undoing.notes.append(f"{key} is {record.status} again")
    return undoing


def _back_to_old_name(workspace: Workspace, old: str, new: str) -> Renaming:
    """Return what it changes to give something its old name back.

    Raises
    ------
    AsimovError
        If that is impossible, such as when something else has the name now.
    """
    contents = workspace.contents
    try:
        return look_over_renaming(workspace, new, old)
    except TakenError as error:
        if old in {*contents.subjects, *map(str, contents.entries)}:
            raise AsimovError(
                f"{old}, the old name of {new}, is now in use",
                hint=f"rename that one first: asimov mv {old} OTHER-NAME",
            ) from error
        raise AsimovError(
            f"{old}, the old name of {new}, was used again and has run since",
            hint=f"choose another name: asimov mv {new} OTHER-NAME",
        ) from error


def _ran_since(workspace: Workspace, revision: Revision, key: Key) -> bool:
    """Return whether an analysis has run since a change added it."""
    # It may have run before: in an earlier life, or before an undo brought it back.
    back = "undoes" in revision.what or key in history.earlier_lives(revision)
    attempts = workspace.journal.attempts(key)
    return any(each.intended >= revision.time or not back for each in attempts)


def _later_life(workspace: Workspace, revision: Revision, key: Key) -> Revision | None:
    """Return the change that added an analysis after another one removed it, if it ran then."""
    later = [
        each
        for each in Revisions(workspace.journal).all()
        if each.number > revision.number and key in history.keys_of(each, "added")
    ]
    return next((each for each in reversed(later) if _ran_since(workspace, each, key)), None)


def _not_as_before(
    workspace: Workspace, revision: Revision, key: Key, later: Revision, *, force: bool
) -> str:
    """Say that an analysis returns as it is now, and not as it was when it was removed.

    Raises
    ------
    AsimovError
        If that is not forced: its results would not be those of its settings.
    """
    life = history.earlier_lives(later).get(key)
    places = _places_of(life) if life else ""
    kept = f"; what it was before stays in {places}" if places else ""
    what = f"change {later.number} added {key} again, and it has run since: its state and results"
    if not force:
        raise AsimovError(
            f"can't undo change {revision.number}: {what} are of that run{kept}",
            hint="add it again with 'asimov apply' to let it start fresh, or use --force",
        )
    return f"{what} stay those of that run{kept}"


def _notes_on_earlier_lives(workspace: Workspace, undoing: Undoing) -> list[str]:
    notes = []
    for key, life in undoing.earlier.items():
        if missing := fresh_start.gone(workspace, life):
            notes.append(f"{key}: these no longer exist: {listed(missing)}")
    for key, life in history.earlier_lives(undoing.revision).items():
        if key in undoing.leaving and key not in undoing.earlier and life.moved:
            places = _places_of(life)
            notes.append(f"{key} has run since; what it was before stays in {places}")
    return notes


def _places_of(life: EarlierLife) -> str:
    """Return the folders in which an earlier life is kept, in words; empty if none is."""
    return listed(dict.fromkeys(str(_place_of(each)) for each in life.moved))


def _place_of(change: FileChange) -> PurePath:
    """Return the folder in which something was kept that moved aside."""
    path = PurePath(change.to)
    return path.parent if is_superseded(path.parent.name) else path


def _check_unchanged(
    workspace: Workspace, revisions: Revisions, revision: Revision, path: str, after: str | None
) -> None:
    now = workspace.files.text(path)
    if (None if now is None else digest(now)) == after:
        return
    last, known = revisions.last_of(path) or (revision.number, after)
    if last != revision.number and (None if now is None else digest(now)) == known:
        raise AsimovError(
            f"{path} was changed again by change {last}, after change {revision.number}",
            hint=f"undo the later change first: asimov ledger undo {last}",
        )
    then = revisions.text(known) if known else ""
    error = EditedSinceError(
        "this file was edited by hand since the last command that changed it",
        where=f"ledger/{path}",
        hint="revert that edit first, or make the change by hand",
    )
    compared = difference(path, then or "", now or "")
    error.difference = tuple(compared)
    raise error


def difference(path: str, before: str, after: str) -> list[str]:
    """Return the lines of a unified diff of a document."""
    lines = (before.splitlines(), after.splitlines())
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(*lines, f"{path} before", f"{path} after", n=1)
    ]


def _check_leaving(workspace: Workspace, undoing: Undoing, *, force: bool) -> None:
    leaving, number = undoing.leaving, undoing.revision.number
    jobs = {each.key for each in workspace.journal.open_attempts()}
    if running := [key for key in leaving if key in jobs]:
        raise AsimovError(
            f"can't undo change {number}: it added analyses that have jobs now: {listed(running)}",
            hint=f"remove them instead, which also stops their jobs: asimov rm {running[0]} --stop",
        )
    if force:
        return
    if ran := [key for key in leaving if _ran_since(workspace, undoing.revision, key)]:
        raise AsimovError(
            f"can't undo change {number}: it added analyses that have run: {listed(ran)}",
            hint="--force removes them from the ledger anyway; their files stay",
        )
    if needing := dependants(workspace, set(leaving)):
        raise AsimovError(
            f"can't undo change {number}: others need analyses that it added: {listed(needing)}",
            hint="undo or remove the others first, or use --force",
        )


def undo(
    workspace: Workspace, number: int | None, *, reason: str | None = None, force: bool = False
) -> Undoing:
    """Undo a change; see `choose` and `look_over` for the parameters and errors."""
    revision = choose(workspace, number)
    if moved := revision.what.get("moved"):
        how = {"undoes": revision.number}
        rename(workspace, moved[1], moved[0], command="asimov ledger undo", reason=reason,
               details=how)  # fmt: skip
        return Undoing(revision, {}, notes=[f"{moved[1]} is {moved[0]} again"])
    if revision.what.get("reviewed"):
        return _undo_review(workspace, revision, reason)
    origin = Origin("asimov ledger undo", reason, {"undoes": revision.number})
    # A pass under way may submit what leaves: nobody would look after that job.
    removes = bool(history.keys_of(revision, "added"))
    alone = at_work(workspace, origin.command, wait=True) if removes else nullcontext()
    with alone, change_ledger(workspace, origin) as change:
        undoing = look_over(workspace, choose(workspace, number), force=force)
        change.write(_plan(undoing), partial(_bring_back, workspace, undoing))
    workspace.reload()
    return undoing


def _bring_back(workspace: Workspace, undoing: Undoing) -> None:
    """Record what the analyses that return had before, in the transaction that undoes a change."""
    take_back(workspace.journal, undoing.returning)
    deleted = set(undoing.revision.what.get("deleted", ()))
    fresh = [key for key in undoing.returning if str(key) in deleted]
    for key in fresh:
        fresh_start.record(workspace.journal, key, "ready", person(), "its files were deleted")
    why = f"change {undoing.revision.number}, which let it start fresh, was undone"
    for key, life in undoing.earlier.items():
        moves = fresh_start.give_back(workspace, key, life, person(), why)
        file_changes.intend(workspace.journal, moves)


def _review_before(workspace: Workspace, revision: Revision) -> tuple[Key, Any]:
    """Return the analysis of a review, and the review before it.

    Raises
    ------
    AsimovError
        If it was reviewed again since, or is not in the ledger.
    """
    revisions = Revisions(workspace.journal)
    key = workspace.key(*revision.what["reviewed"].split("/", 1))
    ((before, after),) = revisions.documents(revision.number).values()
    now = history.review_text(workspace.settings(key).get("review"))
    if (None if now is None else digest(now)) != after:
        raise AsimovError(
            f"the review of {key} was changed again after change {revision.number}",
            hint=f"undo the later changes first: 'asimov ledger history {key}' lists them",
        )
    text = revisions.text(before) if before else None
    return key, msgspec.json.decode(text) if text else None


def _undo_review(workspace: Workspace, revision: Revision, reason: str | None) -> Undoing:
    with at_work(workspace, "asimov ledger undo", wait=True), workspace.journal.transaction():
        key, review = _review_before(workspace, revision)
        now = workspace.settings(key).get("review")
        workspace.facts.restore_review(key, review, person())
        origin = Origin("asimov ledger undo", reason, {"undoes": revision.number})
        history.record_review(workspace.journal, origin, key, now, review)
    return Undoing(revision, {}, notes=[_review_again(str(key), review)])


def _review_again(name: str, review: Any) -> str:
    """Say what an analysis's review is once a later one is undone."""
    if not messages(review):
        return f"{name} is no longer reviewed"
    return f"the earlier review of {name} is restored: {outcome(review) or 'without a verdict'}"


def _plan(undoing: Undoing) -> Plan:
    plan = Plan(texts=dict(undoing.texts), removed=list(undoing.leaving))
    for path, text in undoing.texts.items():
        plan.files[path] = None if text is None else parse(path, text, path, partial=True)
    return plan


def outdates(workspace: Workspace, undoing: Undoing) -> dict[Key, tuple[str, ...]]:
    """Return the finished results that undoing puts out of date, each with the reasons."""
    if not undoing.texts:
        return {}
    return newly_outdated(workspace, workspace.files.with_texts(undoing.texts))


def shown(workspace: Workspace, texts: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return what undoing changes in the documents, as lines of unified diffs."""
    lines = []
    for path, text in texts:
        lines += difference(path, workspace.files.text(path) or "", text or "")
    return lines
