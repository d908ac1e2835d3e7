"""Move a project of another program into an empty one: check everything, then write it at once.

The ledger's files, the states, the facts and the adopted jobs are one transaction of the journal: a
crash leaves either nothing or a change that the next command finishes. What is copied before it, by
itself, means nothing: no analysis owns it until then, and the next import makes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from asimov import configuration
from asimov.discovery import entrypoints, extensions
from asimov.engine.importing import adoption, repositories, stored
from asimov.engine.importing.adoption import Adopted
from asimov.engine.importing.comparison import Difference, compare, contents_of
from asimov.engine.importing.incoming import Importer, Incoming, Product
from asimov.errors import AsimovError
from asimov.journal.documents import Documents
from asimov.journal.keys import Key
from asimov.ledger.append import Texts
from asimov.ledger.checks import check_name
from asimov.ledger.contents import Contents
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.documents import dump, located, read_documents
from asimov.ledger.layout import PROJECT_FILE, parse, project_analysis_file, subject_file
from asimov.project import history
from asimov.project.history import Origin
from asimov.project.workspace import Workspace
from asimov.system.files import write_atomically

_BY = "import"


@dataclass
class Moved:
    """What an import did, or would do.

    Attributes
    ----------
    incoming
        The project as it was read, with the state that each analysis gets.
    differences
        The settings that have another value here.
    adopted
        The jobs that are followed from now on.
    products
        The files that were copied into the results store.
    """

    incoming: Incoming
    differences: list[Difference] = field(default_factory=list)
    adopted: list[Adopted] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)


def importer_of(path: Path) -> Importer:
    """Return the importer that knows the project in a folder, or in a file.

    Raises
    ------
    AsimovError
        If none does.
    """
    if not path.exists():
        raise AsimovError("does not exist", where=path)
    importers: list[Importer] = extensions.every(extensions.IMPORTERS)
    for importer in importers:
        if importer.knows(path):
            return importer
    raise AsimovError(
        "is not a project that can be imported",
        where=path,
        hint="name the folder with .asimov in it, or a file that 'asimov ledger export' wrote",
    )


def move(
    workspace: Workspace, path: Path, *, dry_run: bool = False, without_scheduler: bool = False
) -> Moved:
    """Import a project: all of it, or nothing.

    Parameters
    ----------
    workspace
        The open project; nothing may be in it yet.
    path
        The project to import; nothing in it is written.
    dry_run
        Whether to write nothing here either.
    without_scheduler
        Whether to go on if HTCondor can't be asked about running jobs.

    Raises
    ------
    AsimovError
        If it can't be imported.
    SchedulerUnreachableError
        If HTCondor can't be asked, and must be.
    """
    path = path.resolve()
    _check_empty(workspace)
    _check_apart(workspace, path)
    incoming = importer_of(path).read(path)
    contents = contents_of(incoming)
    texts = _texts(incoming)
    _look_over(incoming, contents)
    moved = Moved(incoming, products=stored.verify(incoming))
    moved.adopted = adoption.adopt(
        workspace, incoming.arrivals, without_scheduler=without_scheduler
    )
    for name in incoming.repositories:
        place = repositories.place(workspace.project, name)
        incoming.subjects[name]["repository"] = workspace.project.stored(place)
        texts[subject_file(name)] = dump(incoming.subjects[name])
    moved.differences = compare(incoming, contents)
    if not dry_run:
        with workspace.files.lock():
            workspace.reload()
            _check_empty(workspace)
            with _copies(workspace, moved):
                before = {path: workspace.files.text(path) for path in texts}
                changed = Texts(before, dict(texts), [])

                with workspace.files.writing(texts, {}):
                    _record(workspace, moved)
                    by = Origin("asimov ledger import")
                    documents = {path: parse(path, text, path) for path, text in texts.items()}
                    nothing = dict.fromkeys(texts)
                    history.record(workspace.journal, by, changed, nothing, documents)
        workspace.reload()
    return moved


def _check_empty(workspace: Workspace) -> None:
    contents = workspace.contents
    if contents.subjects or contents.entries or contents.project or workspace.records:
        raise AsimovError(
            "the project to import into must be empty, but this one already has a ledger",
            where=workspace.project.ledger,
            hint="create a new project: asimov init NAME --root FOLDER",
        )


def _check_apart(workspace: Workspace, path: Path) -> None:
    """Refuse a project with a folder in the one to import: something would be written there."""
    project = workspace.project
    for folder in (project.root, project.working, project.checkouts, project.results, project.logs):
        if path.is_dir() and folder.resolve().is_relative_to(path):
            raise AsimovError(
                "this project, or one of its folders, is inside the project to import, "
                "which is never written to",
                where=folder,
                hint="create the new project somewhere else: asimov init NAME --root FOLDER",
            )


def _texts(incoming: Incoming) -> dict[str, str]:
    """Return the ledger's files, each checked as the ledger will be read."""
    documents = {subject_file(name): each for name, each in incoming.subjects.items()}
    for name, each in incoming.project_analyses.items():
        documents[project_analysis_file(name)] = each
    if incoming.project:
        documents[PROJECT_FILE] = incoming.project
    texts = {}
    for path, document in documents.items():
        text = texts[path] = dump(document)
        where = f"{incoming.source} (as {path})"
        if path != PROJECT_FILE:
            # Before it is the name of a file.
            with located(read_documents(text, where)[0]):
                check_name(document["name"])
        parse(path, text, where)
    return texts


def _look_over(incoming: Incoming, contents: Contents) -> None:
    """Add remarks about what can be imported and will not run as it is."""
    used: dict[str, list[Key]] = {}
    for key, entry in contents.entries.items():
        used.setdefault(entry.pipeline, []).append(key)
    for pipeline, keys in used.items():
        if not entrypoints.is_known(entrypoints.PIPELINES, pipeline):
            incoming.remark(
                "check",
                f"pipeline {pipeline}",
                f"is not installed here; {len(keys)} analyses "
                "wait for it, among them " + str(keys[0]),
            )
    if cycle := Dependencies(contents, {}).cycle():
        incoming.remark(
            "check", cycle[0], f"needs form a cycle: {' needs '.join(str(key) for key in cycle)}"
        )
    for name, repository in incoming.repositories.items():
        if left := repositories.uncommitted(repository):
            incoming.remark(
                "check",
                name,
                f"{len(left)} files of its repository are not committed and are left behind, "
                f"among them {left[0]}: commit them in {repository} first",
            )


@contextmanager
def _copies(workspace: Workspace, moved: Moved) -> Iterator[None]:
    """Make the copies that the ledger refers to; remove them if the block fails."""
    project, incoming = workspace.project, moved.incoming
    file = project.root / configuration.PROJECT_FILE
    before = file.read_text()
    # What is there already is not ours to remove.
    keys = {each.key for each in moved.products if not project.results.joinpath(*each.key).exists()}
    clones: list[Path] = []
    try:
        clones = repositories.clone(project, incoming.repositories)
        stored.copy(project.results, moved.products)
        if incoming.options:
            configuration.update_file(file, incoming.options)
        yield
    except BaseException:
        # A change that was recorded is finished by the next command, and needs the copies.
        if not Documents(workspace.journal).changes():
            repositories.remove(clones)
            stored.remove(project.results, keys)
            write_atomically(file, before)
        raise


def _record(workspace: Workspace, moved: Moved) -> None:
    journal, arrivals = workspace.journal, moved.incoming.arrivals
    journal.add([(key, each.status, each.reason) for key, each in arrivals.items()], _BY)
    for key, each in arrivals.items():
        if each.facts:
            journal.set_facts(key, each.facts)
    for each_job in moved.adopted:
        adoption.record(workspace.project, journal, each_job, arrivals[each_job.key].status)
