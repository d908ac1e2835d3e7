"""Hold the project's lease, so that only one process on any machine acts at a time.

The lease is a row in the journal with an expiry time, which a thread renews while its holder lives.
It is the only mechanism. A file lock would add nothing on one machine, and would not work between
two machines whose file system does not carry locks; the journal needs one that does anyway.

A holder on this machine is dead as soon as its process is gone. Any other is dead when its lease
has expired by the clock of whoever looks, so the clocks of two machines should agree to within a
third of ``[monitor] lease``. A holder that was declared dead and comes back can no longer write to
the journal (see `asimov.journal.leases`), and so submits nothing either, because each submission is
recorded there first. (A process suspended during a write, which takes some milliseconds, keeps the
journal itself locked: nobody acts until it resumes or is killed.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from asimov import configuration
from asimov.engine.notifications import outbox
from asimov.errors import AsimovError
from asimov.journal.leases import (
    LEASE,
    WATCH,
    WORK,
    busy,
    give_back,
    is_dead,
    is_dying,
    new_lease,
    take,
)
from asimov.logs import logger
from asimov.plugins import crashes
from asimov.project.workspace import Workspace

#: How often a waiting process looks again, in seconds.
_POLL = 0.05
#: How long to wait for a holder that was killed to be gone, in seconds.
_GOING = 10.0


@contextmanager
def at_work(workspace: Workspace, purpose: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lease that allows submitting jobs and changing states.

    The workspace is reloaded if another command has written since it was read. Notifications of
    what changes are queued at the end, and sent by another process.

    Parameters
    ----------
    workspace
        The open project.
    purpose
        Why, in a few words.
    wait
        Whether to wait for another holder instead of raising.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` if somebody else holds it and `wait` is False.
    LeaseLostError
        From any write to the journal in the block, once another process has taken the lease over.
    """
    journal = workspace.journal
    with _held(workspace, purpose, WORK, wait=wait) as token:
        journal.fence = token
        try:
            workspace.catch_up()
            outbox.catch_up(workspace)
            yield
            outbox.catch_up(workspace)
        finally:
            journal.fence = None


@contextmanager
def acting(
    workspace: Workspace, purpose: str, report: Callable[[str], None], *, dry_run: bool = False
) -> Iterator[None]:
    """Hold that lease, and catch up with the ledger and with calls that died; a dry run does not.

    See `at_work` for the other parameters and the errors.

    Parameters
    ----------
    report
        Called with a line for each call of a plugin in which a process died.
    """
    if dry_run:
        yield
        return
    with at_work(workspace, purpose):
        workspace.adopt()
        crashes.report_last_crash(workspace, report)
        yield


@contextmanager
def watching(workspace: Workspace, purpose: str) -> Iterator[None]:
    """Be the only process that watches the project; others may act in between.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` if somebody watches it already.
    """
    with _held(workspace, purpose, WATCH):
        yield


@contextmanager
def _held(workspace: Workspace, purpose: str, name: str, *, wait: bool = False) -> Iterator[str]:
    journal = workspace.journal
    length = _length(workspace)
    end = time.monotonic() + _GOING
    while (held := take(journal, lease := new_lease(purpose, length), is_dead, name)) is not None:
        if not wait and not (is_dying(held) and time.monotonic() < end):
            raise busy(held)
        time.sleep(_POLL)
    renewal = _Renewal(journal.path, lease.token, length)
    renewal.start()
    try:
        yield lease.token
    finally:
        renewal.end()
        give_back(journal, lease.token)


def _length(workspace: Workspace) -> float:
    length = configuration.number(workspace.project.config, "monitor", "lease", LEASE)
    if length < 1:
        raise AsimovError(
            f"should be at least 1 second, not {length:g}",
            where="configuration: monitor/lease",
            hint=f"to set the default: asimov configuration update monitor/lease {LEASE:g}",
        )
    return length


class _Renewal(threading.Thread):
    """Renews a lease in a thread, so that a slow method of a pipeline does not lose it.

    A call that blocks Python's other threads for longer than the lease may lose it; the next write
    reports that.
    """

    def __init__(self, path: Path, token: str, length: float) -> None:
        super().__init__(name="asimov lease", daemon=True)
        self._path = path
        self._token = token
        self._length = length
        self._ended = threading.Event()

    def end(self) -> None:
        """Stop renewing; return when the thread has ended."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Renew the lease every third of its length until its end, or another process has it."""
        import sqlite3

        third = self._length / 3
        # A connection belongs to one thread; most commands end before the first renewal.
        if self._ended.wait(third):
            return
        with closing(sqlite3.connect(self._path, timeout=third, isolation_level=None)) as db:
            while True:
                try:
                    renewed = db.execute(
                        "UPDATE lease SET expires = ? WHERE token = ?",
                        (time.time() + self._length, self._token),
                    ).rowcount
                except sqlite3.Error:  # busy, or the disk is full: there are two more tries
                    logger().warning("the lease could not be renewed", exc_info=True)
                    renewed = 1
                if not renewed or self._ended.wait(third):
                    return
