"""Leases: one process at a time may act in a project, and one may run its watch loop.

A process that acts is fenced: each of its transactions first checks that the lease is still its
own. A process that was stopped, or whose machine slept, until its lease had expired gets an error
and changes nothing that another process has done since.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

from asimov.errors import EXIT_BUSY, AsimovError
from asimov.journal.database import Database, JournalError
from asimov.system.processes import Holder


class Lease(NamedTuple):
    """Who acts, and until when.

    Attributes
    ----------
    token
        Its unique identity.
    host, boot, process, started
        The process that holds it, as in `asimov.system.processes.Holder`.
    purpose
        What it does, in a few words.
    since, expires
        When it was taken, and when it expires unless it is renewed, in seconds since the epoch by
        the holder's clock.
    """

    token: str
    host: str
    boot: str
    process: int
    started: str
    purpose: str
    since: float
    expires: float

    def __str__(self) -> str:
        return f"{self.purpose}, process {self.process} on {self.host} since {_when(self.since)}"

    @property
    def holder(self) -> Holder:
        """The process that holds it."""
        return Holder(self.host, self.boot, self.process, self.started)

    @property
    def until(self) -> str:
        """When it expires, as text for people."""
        return _when(self.expires)


class LeaseLostError(JournalError):
    """Another process has taken over the lease; this one must not write any more.

    Parameters
    ----------
    holder
        The present holder; None if the lease was taken over and released.
    """

    exit_code = EXIT_BUSY

    def __init__(self, holder: Lease | None) -> None:
        by = f" ({holder})" if holder else ""
        super().__init__(
            f"another asimov process has taken over this project{by}: this one was suspended, or "
            "its machine slept, for longer than its lease",
            hint="nothing is lost: run the command again; monitor/lease in the configuration "
            "is the time in seconds",
        )


#: How long a lease lasts unless it is renewed, in seconds.
LEASE = 120.0
#: The right to act, the right to keep watching while others act in between, and the right to
#: deliver notifications.
WORK = "work"
WATCH = "watch"
NOTIFY = "notify"


def is_dead(lease: Lease) -> bool:
    """Return whether the holder of a lease is dead, as far as this machine can tell."""
    if time.time() > lease.expires:
        return True
    process = lease.holder.here
    return process is not None and not process.alive


def is_dying(lease: Lease) -> bool:
    """Return whether the holder of a lease was killed on this machine and is not gone yet.

    The kernel kills a command whose supervisor was killed a moment after the supervisor.
    """
    process = lease.holder.here
    return process is not None and process.is_being_killed


def new_lease(purpose: str, length: float = LEASE) -> Lease:
    """Return a lease for this process, not taken yet."""
    now = time.time()
    return Lease(uuid.uuid4().hex, *Holder.own(), purpose, now, now + length)


def busy(held: Lease) -> AsimovError:
    """Return the error that names the holder of the lease."""
    error = AsimovError(
        f"another asimov process is using this project ({held}; its lease ends at {held.until} "
        "unless renewed)",
        hint="wait for it to end, or stop it; 'asimov stop' stops the background monitor",
    )
    error.exit_code = EXIT_BUSY
    return error


def holder(journal: Database, name: str = WORK) -> Lease | None:
    """Return the current lease, whether or not its holder is alive, or None."""
    rows = journal.rows(
        "SELECT token, host, boot, process, started, purpose, since, expires FROM lease "
        "WHERE name = ?",
        (name,),
    )
    return Lease(*rows[0]) if rows else None


def take(
    journal: Database, new: Lease, is_dead: Callable[[Lease], bool], name: str = WORK
) -> Lease | None:
    """Take the lease unless a living process holds it.

    Parameters
    ----------
    journal
        The journal.
    new
        The lease to take.
    is_dead
        Returns whether the holder of a lease is dead.
    name
        The right: `WORK` or `WATCH`.

    Returns
    -------
    Lease or None
        The lease of another process that prevented it; None if it was taken.
    """
    # Read first: many waiting processes do not hinder the holder's writes.
    held = holder(journal, name)
    if held is not None and not is_dead(held):
        return held
    with journal.transaction():
        held = holder(journal, name)
        if held is not None and not is_dead(held):
            return held
        journal.write(
            "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (name, *new)
        )
    return None


def give_back(journal: Database, token: str) -> None:
    """Release a lease, unless another process has taken it over."""
    journal.write("DELETE FROM lease WHERE token = ?", (token,))


def give_back_all(journal: Database, token: str) -> None:
    """Release every lease of the process that holds this one."""
    journal.write(
        "DELETE FROM lease WHERE (host, boot, process) IN "
        "(SELECT host, boot, process FROM lease WHERE token = ?)",
        (token,),
    )


def check(journal: Database, token: str) -> None:
    """Make sure that a lease has not been taken over.

    Raises
    ------
    LeaseLostError
        If another process has taken it over.
    """
    held = holder(journal)
    if held is None or held.token != token:
        raise LeaseLostError(held)


def _when(seconds: float) -> str:
    text = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))
    today = time.strftime("%Y-%m-%d ")
    return text.removeprefix(today)
