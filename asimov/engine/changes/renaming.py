"""Rename an analysis or a subject: ledger, journal, files and repositories follow.

Ledger, journal and the list of files to move are one transaction. A crash leaves either nothing or
a change that the next command finishes; see `asimov.project.file_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from asimov.configuration import person
from asimov.engine.changes.removal import earlier
from asimov.engine.lease import at_work
from asimov.engine.provenance.record import read
from asimov.errors import AsimovError
from asimov.journal import renames
from asimov.journal.confirmed_removals import forgotten
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.ledger.checks import check_name
from asimov.ledger.contents import Contents
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.documents import dump, located
from asimov.ledger.edit import edited
from asimov.ledger.layout import file_of, project_analysis_file, subject_file
from asimov.ledger.plan import Change, Plan
from asimov.ledger.references import renamed, renamed_settings
from asimov.project import file_changes
from asimov.project.file_changes import FileChange
from asimov.project.history import Origin
from asimov.project.lookup import removal_of, unknown_subject
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace
from asimov.text import listed

#: The keys whose names follow, and those that hold no names.
_NAMED = frozenset({"name", "needs", "analyses", "subjects", "pipeline"})


class TakenError(AsimovError):
    """Something else has the new name, or had it when it ran."""


@dataclass
class Renaming:
    """What a renaming changes.

    Attributes
    ----------
    old, new
        The names: ``subject`` or ``subject/analysis``.
    keys, subjects
        The new keys of analyses and names of subjects, by the old ones.
    files
        What moves.
    contents
        The ledger afterwards.
    notes
        What a person should look at.
    """

    old: str
    new: str
    keys: dict[Key, Key]
    subjects: dict[str, str]
    files: list[FileChange] = field(default_factory=list)
    contents: Contents = field(default_factory=Contents)
    notes: list[str] = field(default_factory=list)


def look_over(workspace: Workspace, old: str, new: str) -> Renaming:
    """Return what renaming an analysis or a subject changes.

    Parameters
    ----------
    workspace
        The open project.
    old, new
        The names: ``subject`` or ``subject/analysis``; the new one may lack the subject.

    Raises
    ------
    AsimovError
        If there is no such thing, the new name is taken or impossible, a job is under way, or
        something is in the place of a file that would move.
    """
    contents = workspace.contents
    past = _with_a_past(workspace)
    subject, slash, name = old.partition("/")
    if not slash:
        if subject not in contents.subjects:
            raise unknown_subject(contents, subject, partial(removal_of, workspace.journal))
        renaming = Renaming(old, new, {}, {subject: new})
        known = {*contents.entries, *workspace.records}
        renaming.keys = {key: Key(new, key.name) for key in known if key.subject == subject}
        taken = new in contents.subjects or any(key.subject == new for key in past)
        _check_name(new)
    else:
        key = workspace.key(subject, name)
        where, _, what = new.rpartition("/")
        if where not in {"", subject}:
            raise AsimovError(
                f"{old} can't move to {where}: it would inherit the settings of another subject",
                hint=f"add the analysis to {where} with 'asimov apply', and remove {old}",
            )
        _check_name(what)
        renaming = Renaming(old, f"{subject}/{what}", {key: Key(subject, what)}, {})
        taken = Key(subject, what) in {*contents.entries, *past}
    if taken:
        raise TakenError(
            f"the name {renaming.new} is or was in use, and the journal has its history",
            hint="choose a name that was never used",
        )
    jobs = [each for each in workspace.journal.open_attempts() if each.key in renaming.keys]
    if jobs:
        names = listed(f"{each.key} (job {each.job_id or 'not yet known'})" for each in jobs)
        raise AsimovError(
            f"can't rename while jobs may still be running: {names}",
            hint="wait for them to end, or cancel them, and run 'asimov monitor'",
        )
    renaming.contents = renamed(contents, renaming.keys, renaming.subjects)
    renaming.files = _files(workspace, renaming)
    for change in renaming.files:
        place = workspace.project.path(change.to)
        if place.is_symlink() or (place.exists() and not _is_empty(place)):
            raise AsimovError("already exists", where=place, hint="move or remove it first")
    renaming.notes = _notes(workspace, renaming)
    return renaming


def _with_a_past(workspace: Workspace) -> set[Key]:
    """Return the analyses that the journal knows, but for removed ones that never ran."""
    journal = workspace.journal
    removed = forgotten(journal) - workspace.contents.entries.keys()
    return workspace.records.keys() - {key for key in removed if not journal.attempts(key)}


def _check_name(name: str) -> None:
    with located("the new name"):
        check_name(name)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _files(workspace: Workspace, renaming: Renaming) -> list[FileChange]:
    """Return what moves: run directories, results, pages, and configurations in git."""
    project = workspace.project
    pages = project.path(project.config.get("general", "webroot"))
    homes = [project.working, project.results, pages]
    message = f"Rename {renaming.old} to {renaming.new}"
    found: list[FileChange] = []

    def move(path: Path, to: Path, repository: Path | None = None) -> None:
        if path.exists() or path.is_symlink():
            root = "" if repository is None else project.stored(repository)
            change = FileChange(project.stored(path), project.stored(to))
            if repository is not None:
                change = FileChange(change.path, change.to, root, message)
            found.append(change)

    for old, new in renaming.subjects.items():
        for home in homes:
            move(home / old, home / new)
        if workspace.contents.subjects[old].get("repository") is None:
            move(project.checkouts / old, project.checkouts / new, project.checkouts)
        clones = project.checkouts.with_name(f"{project.checkouts.name}-own")
        move(clones / old, clones / new)
    if renaming.subjects:
        return found
    for key, new_key in renaming.keys.items():
        for home in homes:
            move(home.joinpath(*key), home.joinpath(*new_key))
        rundir = project.working.joinpath(*key)
        for folder in earlier(rundir):
            move(folder, folder.with_name(new_key.name + folder.name.removeprefix(key.name)))
        analysis = workspace.analysis(key)
        config = Path(analysis.config_file)
        move(config, config.with_name(f"{new_key.name}.ini"), analysis.repository.root)
    return found


def _notes(workspace: Workspace, renaming: Renaming) -> list[str]:
    """Compare what each analysis needs before and after; mention what names alone can't settle."""
    keys, contents = renaming.keys, renaming.contents
    old_of = {new: old for old, new in keys.items()}
    facts = {keys.get(key, key): each for key, each in workspace.facts.items()}
    after = Dependencies(contents, facts, lambda key: workspace.status(old_of.get(key, key)))
    word = renaming.old.rpartition("/")[2]
    named = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    notes = []
    for key, entry in workspace.contents.entries.items():
        new = keys.get(key, key)
        before = {keys.get(each, each) for each in workspace.dependencies.of(key).keys}
        now = set(after.of(new).keys)
        for change, which in (("no longer", before - now), ("now", now - before)):
            if which:
                names = listed(sorted(map(str, which)))
                notes.append(f"{new} {change} needs {names}: change its needs by hand")
        rest = {name: each for name, each in entry.data.items() if name not in _NAMED}
        if before & set(keys.values()) and key not in keys and named.search(dump(rest)):
            notes.append(f"{new} may mention {word!r} in other settings: check {file_of(new)}")
    notes += [
        f"{new} is stuck, and files in its run directory name the old path: restart it instead of "
        "resuming it"
        for old, new in keys.items()
        if old in workspace.contents.entries and workspace.status(old) == "stuck"
    ]
    return notes


def rename(
    workspace: Workspace,
    old: str,
    new: str,
    *,
    command: str,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Renaming:
    """Rename an analysis or a subject; see `look_over` for parameters and errors.

    Parameters
    ----------
    command, reason, details
        Which command does it, and why, for the history; see `asimov.project.history.Origin`.
    """
    with at_work(workspace, command, wait=True):
        workspace.adopt()
        renaming = look_over(workspace, old, new)
        moved = {"moved": [renaming.old, renaming.new]}
        origin = Origin(command, reason, {**moved, **(details or {})})
        with change_ledger(workspace, origin) as change:
            renaming = look_over(workspace, old, new)
            change.write(_plan(workspace, renaming), partial(_record, workspace, renaming))
        workspace.finish_changes()
        workspace.reload()
    return renaming


def _plan(workspace: Workspace, renaming: Renaming) -> Plan:
    """Return the changes of documents: the renamed one, and those that name it."""
    before, after, plan = workspace.contents, renaming.contents, Plan()
    plan.changes.append(Change("rename", f"{renaming.old} -> {renaming.new}"))
    old_of = {new: old for old, new in renaming.subjects.items()}
    for name, document in after.subjects.items():
        old = old_of.get(name, name)
        if document != before.subjects[old]:
            _put(workspace, plan, subject_file(old), subject_file(name), document)
    olds = {new: old for old, new in renaming.keys.items()}
    for key, entry in after.entries.items():
        old_key = olds.get(key, key)
        if key.subject == PROJECT_ANALYSES and entry.data != before.entries[old_key].data:
            old_file = project_analysis_file(old_key.name)
            _put(workspace, plan, old_file, entry.file, dict(entry.data))
    return plan


def _put(workspace: Workspace, plan: Plan, old: str, new: str, document: dict[str, Any]) -> None:
    plan.files[new] = document
    if old != new:
        plan.files[old] = None
        text = workspace.files.text(old)
        plan.texts[new] = (edited(text, document) if text else None) or dump(document)
        plan.texts[old] = None


def _record(workspace: Workspace, renaming: Renaming) -> None:
    project, journal = workspace.project, workspace.journal
    paths = {each.path: each.to for each in renaming.files}
    paths |= {str(project.path(old)): str(project.path(new)) for old, new in paths.items()}
    keys = dict(renaming.keys)
    keys |= {Key(old, ""): Key(new, "") for old, new in renaming.subjects.items()}
    renames.rename(journal, keys, paths)
    _follow_in_records(workspace, renaming)
    for old, new in renaming.keys.items():
        journal.note(new, person(), "renamed", f"{old} -> {new}")
    file_changes.intend(journal, renaming.files)


def _follow_in_records(workspace: Workspace, renaming: Renaming) -> None:
    """Change the names in the settings that attempts ran with.

    Otherwise an analysis would seem to need something else now, and so to be out of date.
    """
    records = ProvenanceRecords(workspace.journal)
    changed = {}
    for key, entry in workspace.contents.entries.items():
        new = renaming.keys.get(key, key)
        if {**renaming.contents.entries[new].data, "name": key.name} == entry.data:
            continue
        for attempt in workspace.journal.attempts(new):
            found = read(records, attempt.uid)
            for layer in found.layers if found else ():
                settings = records.parts([layer.digest]).get(layer.digest)
                if isinstance(settings, dict):
                    names = (renaming.keys, renaming.subjects)
                    after = renamed_settings(workspace.contents, key, settings, *names)
                    layer.digest = records.part(after) if after != settings else layer.digest
            changed[attempt.uid] = found
    records.keep({uid: each for uid, each in changed.items() if each})
