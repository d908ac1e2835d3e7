"""Make a copied project independent: a new identity, and none of the original's jobs.

Nothing here asks a scheduler or ends a process: those belong to the original.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from asimov import configuration
from asimov.configuration import owner
from asimov.errors import AsimovError
from asimov.journal.access_keys import AccessKeys
from asimov.journal.deliveries import Deliveries
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.leases import WATCH, WORK, Lease, busy, is_dead, new_lease, take
from asimov.journal.records import Attempt
from asimov.project import identity, original_folders
from asimov.project.identity import UnsettledError
from asimov.project.layout import Project
from asimov.scheduler.languages.event_log import find_event_logs
from asimov.scheduler.local.spool import Spool
from asimov.states import STATES
from asimov.system.files import locked, unwritable

_PURPOSE = "asimov project copied"
_LEFT = "left to the project that this one was copied from"


def moved(project: Project) -> bool:
    """Confirm that a project was moved and keeps its jobs; return whether that was in doubt.

    Raises
    ------
    AsimovError
        If the project that it was copied from still exists.
    """
    with _alone(project, "asimov project moved") as journal:
        doubt = _doubt(project, journal)
        if doubt is not None and doubt.begun:
            raise doubt
        if doubt is not None and doubt.original:
            raise AsimovError(
                f"{doubt.message}; it was copied, not moved",
                where=doubt.where,
                hint="run 'asimov project copied'; or, if the other folder is only a leftover, "
                "rename or remove it first",
            )
        identity.refuse_links(project, journal.get_property(identity.PROPERTY), moved=True)
        identity.record(project, journal)
    return doubt is not None


def copied(project: Project, *, certain: bool = False) -> list[Key]:
    """Make a copied project independent; return the analyses whose jobs stay with the original.

    The start is recorded first. If this is interrupted, nothing acts in the project until it is
    repeated, from the beginning and with the same new identity.

    Parameters
    ----------
    project
        The project.
    certain
        Whether to go on without evidence that it is a copy.

    Raises
    ------
    AsimovError
        If there is no evidence that it is a copy: its own jobs would be forgotten. If it shares
        folders with the original. With the exit code `EXIT_BUSY`, if something is at work in it.
    """
    with _alone(project, _PURPOSE) as journal, ExitStack() as held:
        identity.refuse_links(project, journal.get_property(identity.PROPERTY))
        doubt = _doubt(project, journal)
        if not certain and doubt is None:
            raise AsimovError(
                "this project does not look like a copy; treating it as one would lose its jobs",
                where=project.root,
                hint="if you are sure that it is a copy, use --certain",
            )
        original_folders.refuse_shared(project, journal.records())
        spool = Spool(project.root)
        if spool.folder.is_dir():
            held.enter_context(locked(spool.lock, _PURPOSE, wait=False))
        with journal.durably():
            token = _take_over(journal, doubt)
            new = identity.begin_copy(project, journal)
        journal.fence = token
        _empty(project)
        _put_logs_aside(project, journal.open_attempts())
        configuration.update_file(
            project.root / configuration.PROJECT_FILE, {("project", "id"): new}
        )
        return _leave(project, journal, f"this copy became the project {new}")


@contextmanager
def _alone(project: Project, purpose: str) -> Iterator[Journal]:
    """Open the journal, and keep others from repairing it or changing the ledger meanwhile."""
    with (
        locked(project.state / "work.lock", purpose, wait=False),
        locked(project.state / "ledger.lock", purpose, wait=False),
        closing(Journal(project.journal)) as journal,
    ):
        yield journal


def _take_over(journal: Journal, doubt: UnsettledError | None) -> str:
    """Take both leases, so that nobody acts or watches; return the token of the first.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` if a live process holds one in this project.
    """

    def is_free(held: Lease) -> bool:
        # Nobody takes a lease in a copy: if the original exists, the lease came with the copy.
        came = doubt is not None and doubt.original
        return came or is_dead(held) or _is_elsewhere(held, journal.path)

    work = new_lease(_PURPOSE)
    for name, new in ((WORK, work), (WATCH, new_lease(_PURPOSE))):
        held = take(journal, new, is_free, name)
        if held is not None:
            raise busy(held)
    return work.token


def _is_elsewhere(held: Lease, journal: Path) -> bool:
    """Return whether a process of this machine has another journal open, not this one."""
    if held.holder.here is None:
        return False
    try:
        ours = journal.stat()
        for entry in Path(f"/proc/{held.process}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                if os.path.samestat(entry.stat(), ours):
                    return False
    except OSError:  # of another user
        return False
    return True


def _doubt(project: Project, journal: Journal) -> UnsettledError | None:
    return identity.doubt_of(project, journal.get_property(identity.PROPERTY))


def _empty(project: Project) -> None:
    """Remove traces of the original's processes: its local queue and its present call."""
    queue = Spool(project.root).folder
    aside = queue.with_name("local.left")
    try:
        (project.state / "calling").unlink(missing_ok=True)
        if aside.exists():
            shutil.rmtree(aside)
        if queue.exists():
            queue.rename(aside)  # in one step, so that no partial queue is ever used
            shutil.rmtree(aside)
    except OSError as error:
        raise unwritable(error, Path(error.filename or queue), "can't be removed") from error


def _put_logs_aside(project: Project, attempts: list[Attempt]) -> None:
    """Rename the event logs of the original's jobs, so that no repair takes them for its own."""
    for attempt in attempts:
        names = [project.path(name) for name in (attempt.logs or "").splitlines()]
        names += map(Path, find_event_logs(project.working / attempt.subject / attempt.name))
        for path in dict.fromkeys(names):
            if original_folders.is_inside(project, path) and path.exists():
                try:
                    path.rename(path.with_name(f"{path.name}.original"))
                except OSError as error:
                    raise unwritable(error, path, "can't be renamed") from error


def _leave(project: Project, journal: Journal, what: str) -> list[Key]:
    """Record that open jobs belong to the original, and where the project is now."""
    left: list[Key] = []
    with journal.durably():
        journal.write("DELETE FROM lease")
        journal.write("DELETE FROM logs")
        journal.write("DELETE FROM properties WHERE key LIKE 'background monitor%'")
        Deliveries(journal).clear()
        journal.write("DELETE FROM task_subscriptions")  # who waits, waits for the original
        AccessKeys(journal).revoke_all()  # who may use the original need not use this
        attempts = journal.open_attempts()
        for attempt in attempts:
            journal.ended(attempt.uid, "ended", exit_code=None, evidence=owner(), reason=_LEFT)
        with_job = {attempt.key for attempt in attempts}
        for key, record in journal.records().items():
            if key not in with_job and not STATES[record.status].active:
                continue
            if record.status == "cancelled":
                continue  # its job is left as well, and it will never run
            way = f"'asimov production set {key} --status restart' runs it here"
            journal.set_status(key, record.status, "stuck", owner(), f"its job was {_LEFT}; {way}")
            left.append(key)
        journal.observed((key, None, None, None) for key in with_job)
        journal.note(Key("", ""), owner(), "copied", what)
        identity.record(project, journal)
    return left
