"""Remove analyses or whole subjects from the ledger; their files are kept unless asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from asimov.configuration import person
from asimov.engine.attempts import LEAVING, ask, resolve_intents
from asimov.engine.lease import at_work
from asimov.engine.monitor import advance
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.journal.records import Attempt
from asimov.ledger.layout import project_analysis_file, subject_file
from asimov.ledger.plan import Change, Plan
from asimov.project import file_changes, fresh_start
from asimov.project.file_changes import FileChange
from asimov.project.history import Origin
from asimov.project.lookup import removal_of, unknown_subject
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace
from asimov.states import reachable
from asimov.text import listed

#: How long to wait for cancelled jobs to leave the queue, in seconds.
_PATIENCE = 60.0


@dataclass
class Removal:
    """What a removal is about.

    Attributes
    ----------
    keys
        The analyses that are removed.
    subjects
        The subjects that are removed, with all of their analyses.
    jobs
        The analyses' attempts whose end has not been seen.
    dependants
        Other analyses, with those that they need of the ones that are removed.
    files
        What was kept of them, relative to the project: run directories and stored results.
    """

    keys: list[Key]
    subjects: list[str] = field(default_factory=list)
    jobs: list[Attempt] = field(default_factory=list)
    dependants: dict[Key, list[Key]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def look_over(workspace: Workspace, keys: Iterable[Key], subjects: Iterable[str]) -> Removal:
    """Return what the removal of analyses and subjects is about.

    Raises
    ------
    AsimovError
        If there is no such subject.
    """
    contents, subjects = workspace.contents, list(subjects)
    for name in subjects:
        if name not in contents.subjects:
            raise unknown_subject(contents, name, partial(removal_of, workspace.journal))
    chosen = {*keys, *(key for key in contents.entries if key.subject in subjects)}
    removal = Removal([key for key in contents.entries if key in chosen], subjects)
    removal.jobs = [each for each in workspace.journal.open_attempts() if each.key in chosen]
    removal.dependants = dependants(workspace, chosen, subjects)
    removal.files = [path for key in removal.keys for path in files_of(workspace, key)]
    return removal


def dependants(
    workspace: Workspace, gone: Collection[Key], subjects: Collection[str] = ()
) -> dict[Key, list[Key]]:
    """Return the analyses that need some of those that go, with what they need of them."""
    found = {}
    for key, entry in workspace.contents.entries.items():
        if key in gone:
            continue
        needed = [each for each in workspace.dependencies.of(key).keys if each in gone]
        named = [Key(name, "*") for name in entry.data.get("subjects") or () if name in subjects]
        if needed or named:
            found[key] = needed or named
    return found


def files_of(workspace: Workspace, key: Key) -> list[str]:
    """Return the run directory of an analysis with its earlier ones, and its stored results."""
    project = workspace.project
    folder = fresh_start.run_directory(workspace, key)
    paths = [project.results.joinpath(*key)]
    if project.is_working(folder):
        paths += [folder, *earlier(folder)]
    return [project.stored(path) for path in paths if path.exists()]


def earlier(folder: Path) -> list[Path]:
    """Return the folders in which earlier runs of a run directory are kept."""
    kept = folder.parent.glob("*") if folder.parent.is_dir() else ()
    names = (f"{folder.name}.superseded-", f"{folder.name}.unsubmitted")
    return sorted(each for each in kept if each.name.startswith(names))


def remove(
    workspace: Workspace,
    removal: Removal,
    report: Callable[[str], None],
    *,
    command: str,
    reason: str | None = None,
    stop: bool = False,
    results: bool = False,
    force: bool = False,
) -> list[str]:
    """Remove analyses and subjects from the ledger.

    Parameters
    ----------
    workspace
        The open project.
    removal
        What is removed.
    report
        Takes a line for each thing that happens to a job.
    command, reason
        Which command does it, and why, for the history.
    stop
        Whether to cancel their jobs first.
    results
        Whether to delete their run directories and stored results too.
    force
        Whether to go on although other analyses need them.

    Returns
    -------
    list of str
        The ledger files that lost comments.

    Raises
    ------
    AsimovError
        If others need them, if one has a job, or if a cancelled job does not go in time.
    """
    check(removal, stop=stop, force=force)
    with at_work(workspace, command, wait=True):
        workspace.adopt()
        if removal.jobs:
            cancel(workspace, removal.keys, report, reason or f"removed by {command}")
        details: dict[str, Any] = {"deleted": list(map(str, removal.keys))} if results else {}

        def besides() -> None:
            if results:
                deleted = [FileChange(path) for path in removal.files]
                file_changes.intend(workspace.journal, deleted)

        with change_ledger(workspace, Origin(command, reason, details)) as change:
            now = look_over(workspace, removal.keys, removal.subjects)
            check(now, stop=False, force=force)
            made = plan(workspace, now)
            change.write(made, besides)
        workspace.finish_changes()
        workspace.reload()
        if results:
            store = workspace.store
            store.drop_objects(path for path, _ in store.spare_objects())
        return made.comments_lost


def check(removal: Removal, *, stop: bool, force: bool) -> None:
    """Refuse a removal that others would miss, or that would leave a job behind.

    Raises
    ------
    AsimovError
        If so.
    """
    if removal.dependants and not force:
        needing = listed(f"{key} (needs {listed(of, 3)})" for key, of in removal.dependants.items())
        raise AsimovError(
            f"other analyses need what would be removed: {needing}",
            hint="remove them too, change their needs, or use --force",
        )
    if removal.jobs and not stop:
        jobs = (f"{each.key} (job {each.job_id or 'not yet known'})" for each in removal.jobs)
        raise AsimovError(
            f"can't remove analyses whose jobs may still be running: {listed(jobs)}",
            hint="'asimov monitor' checks whether they have ended; --stop cancels them first",
        )


def plan(workspace: Workspace, removal: Removal) -> Plan:
    """Return the change of the ledger's documents."""
    gone, contents, made = set(removal.keys), workspace.contents, Plan()
    for name in dict.fromkeys(key.subject for key in removal.keys):
        if name == PROJECT_ANALYSES or name in removal.subjects:
            continue
        document = dict(contents.subjects[name])
        analyses = document.pop("analyses", None) or []
        left = [each for each in analyses if (name, each["name"]) not in gone]
        made.files[subject_file(name)] = {**document, **({"analyses": left} if left else {})}
    for name in removal.subjects:
        made.files[subject_file(name)] = None
        made.changes.append(Change("remove", f"subject {name}"))
    for key in removal.keys:
        made.changes.append(Change("remove", f"analysis {key}"))
        if key.subject == PROJECT_ANALYSES:
            made.files[project_analysis_file(key.name)] = None
    made.removed = removal.keys
    return made


def cancel(
    workspace: Workspace, keys: Collection[Key], report: Callable[[str], None], reason: str
) -> None:
    """Cancel analyses, and wait until their jobs are gone; the caller holds `at_work`.

    Raises
    ------
    AsimovError
        If a job is not gone within a minute. Its analysis is cancelled then.
    """
    resolve_intents(workspace, report)
    others = workspace.contents.entries.keys() - set(keys)
    end = time.monotonic() + _PATIENCE
    while True:
        attempts = [each for each in workspace.journal.open_attempts() if each.key in keys]
        if not attempts:
            return
        for each in attempts:
            status = workspace.status(each.key)
            if status not in LEAVING and "cancelled" in reachable(status, "person"):
                workspace.move(each.key, "cancelled", person(), reason)
        known = [each for each in attempts if each.state == "submitted"]
        advance(workspace, report, ask(workspace, known), left=others)
        if time.monotonic() > end:
            names = listed(each.key for each in attempts)
            raise AsimovError(
                f"the jobs are cancelled, but some have not left the queue yet: {names}",
                hint="nothing was removed; run the same command again once they have",
            )
        if [each for each in workspace.journal.open_attempts() if each.key in keys]:
            time.sleep(0.2)
