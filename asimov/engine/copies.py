"""What becomes of a project that was copied: an identity of its own, and no job of the original's.

Nothing here asks a scheduler or ends a process: all of that is the original's.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, closing
from pathlib import Path

from asimov import configuration
from asimov.configuration import owner
from asimov.engine.attempts import event_logs
from asimov.errors import AsimovError
from asimov.files import locked, unwritable
from asimov.ledger import whereabouts
from asimov.ledger.journal import Journal
from asimov.ledger.needs import Key
from asimov.ledger.records import Attempt
from asimov.ledger.whereabouts import UnsettledError
from asimov.project import Project, new_id
from asimov.states import STATES

_LEFT = "left to the project that this one was copied from"


def moved(project: Project) -> bool:
    """Have a project go on where it is now, with its jobs; return whether that was in doubt.

    Raises
    ------
    AsimovError
        Where the project from which it was copied is still there.
    """
    with _alone(project), closing(Journal(project.journal)) as journal:
        doubt = _doubt(project, journal)
        if doubt is not None and doubt.original:
            raise AsimovError(
                f"{doubt.message}: it was not moved",
                where=doubt.where,
                hint="if that one is not to be used any more, rename or remove its folder first; "
                "otherwise 'asimov project copied'",
            )
        whereabouts.record(project, journal)
    return doubt is not None


def copied(project: Project, *, certain: bool = False) -> list[Key]:
    """Make a copied project one of its own; return the analyses whose jobs it has left.

    Should this be cut short, it is still in doubt whether the project is a copy, and it is done
    again from the beginning.

    Parameters
    ----------
    project
        The project.
    certain
        Whether to do so although nothing tells that it is a copy.

    Raises
    ------
    AsimovError
        Where nothing tells that it is one: its own jobs would be forgotten.
    """
    with _alone(project), closing(Journal(project.journal)) as journal:
        if not certain and _doubt(project, journal) is None:
            raise AsimovError(
                "this project is no copy, as far as can be told: its jobs would be forgotten",
                where=project.root,
                hint="with --certain it is taken for one all the same",
            )
        old, new = project.id, new_id(project.name)
        configuration.update_file(
            project.root / configuration.PROJECT_FILE, {("project", "id"): new}
        )
        _empty(project)
        _put_logs_aside(project, journal.open_attempts())
        return _leave(project, journal, f"a copy of {old} became {new}")


def _alone(project: Project) -> AbstractContextManager[None]:
    return locked(project.state / "project.lock", "settles what this project is", wait=False)


def _doubt(project: Project, journal: Journal) -> UnsettledError | None:
    return whereabouts.doubt_of(project, journal.get_property(whereabouts.PROPERTY))


def _empty(project: Project) -> None:
    """Remove what is of the original's processes: its local queue, and the call that it is in."""
    queue = project.state / "local"
    aside = queue.with_name("local.left")
    try:
        (project.state / "calling").unlink(missing_ok=True)
        if aside.exists():
            shutil.rmtree(aside)
        if queue.exists():
            queue.rename(aside)  # at once, so that half a queue is never taken for one
            shutil.rmtree(aside)
    except OSError as error:
        raise unwritable(error, Path(error.filename or queue), "can't be removed") from error


def _put_logs_aside(project: Project, attempts: list[Attempt]) -> None:
    """Rename the event logs of jobs that are the original's: a repair goes by what it finds."""
    for attempt in attempts:
        names = [project.path(name) for name in (attempt.logs or "").splitlines()]
        names += map(Path, event_logs(project.working / attempt.subject / attempt.name))
        for path in dict.fromkeys(names):
            if path.is_relative_to(project.root) and path.exists():
                try:
                    path.rename(path.with_name(f"{path.name}.original"))
                except OSError as error:
                    raise unwritable(error, path, "can't be renamed") from error


def _leave(project: Project, journal: Journal, what: str) -> list[Key]:
    """Record that the jobs under way are the original's, and where the project is now."""
    left: list[Key] = []
    with journal.durably():
        journal.write("DELETE FROM lease")
        journal.write("DELETE FROM logs")
        journal.write("DELETE FROM properties WHERE key LIKE 'background monitor%'")
        attempts = journal.open_attempts()
        for attempt in attempts:
            journal.ended(attempt.uid, "ended", exit_code=None, evidence=owner(), reason=_LEFT)
        with_job = {attempt.key for attempt in attempts}
        for key, record in journal.records().items():
            if key not in with_job and not STATES[record.status].active:
                continue
            if record.status == "cancelled":
                continue  # it has left its job as well, and will never run
            way = f"'asimov production set {key[0]} {key[1]} --status restart' runs it here"
            journal.set_status(key, record.status, "stuck", owner(), f"its job was {_LEFT}; {way}")
            left.append(key)
        journal.observed((key, None, None, None) for key in with_job)
        journal.note(("", ""), owner(), "copied", what)
        whereabouts.record(project, journal)
    return left
