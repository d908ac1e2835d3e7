"""Record on disk which third-party call is running, so that a crash in it is known afterwards.

Before a call, its name is written to `.asimov/calling`; afterwards it is cleared. A process that
finds a call there knows that the process before it died in that call: by `os._exit`, a segmentation
fault, or the kernel running out of memory. Only one process acts in a project at a time (see
`asimov.engine.lease`), so the call can't belong to one that still runs. One death proves nothing:
after the third in a row the method is suspended. Whoever kills the whole command also kills its
supervisor (see `asimov.system.supervision.supervisor`); the method is not blamed for a death that
no supervisor witnessed.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.records import Record
from asimov.logs import logger
from asimov.plugins.time_limit import configured
from asimov.project.workspace import Workspace
from asimov.states import allowed
from asimov.system import clock
from asimov.system.supervision import supervisor
from asimov.system.supervision.command import children

#: A method is suspended after so many deaths in a row.
DEATHS = 3
#: How long a method is suspended that ended the process, or did not return, in seconds. It ends at
#: once when a user moves the analysis to another state.
PAUSE = 3600.0

_PROPERTY = "troubled calls"


class Call(NamedTuple):
    """A method called for an analysis, or for none, such as the import of a plugin."""

    subject: str
    name: str
    pipeline: str
    method: str

    def __str__(self) -> str:
        where = f"{self.subject}/{self.name}: " if self.subject else ""
        return f"{where}{self.what}"

    @classmethod
    def of_plugin(cls, plugin: str, method: str) -> Call:
        """Return a call that belongs to no analysis."""
        return cls("", "", plugin, method)

    @property
    def what(self) -> str:
        """The plugin and its method."""
        return f"{self.pipeline}.{self.method}"


class _Trouble(NamedTuple):
    """The failures of a method: deaths in a row, when last, and why it is suspended (or "")."""

    deaths: int
    last: float
    why: str


class _Left(NamedTuple):
    """The call that the file names.

    Attributes
    ----------
    call
        The method.
    hung
        The seconds after which it was given up, or 0.
    supervised
        Whether a supervisor would have witnessed a death.
    """

    call: Call
    hung: float = 0
    supervised: bool = False


class CallLog:
    """Record the calls that this process makes while it holds the project's lease.

    Parameters
    ----------
    journal
        The journal, which outlives this process; the project's lease is held.
    state
        The folder of the file that names the call.

    Attributes
    ----------
    blamed
        The call in which the previous process died, if it did.
    """

    def __init__(self, journal: Journal, state: Path) -> None:
        self.journal = journal
        self.token = journal.fence
        self.blamed: Call | None = None
        path = state / "calling"
        self._handle = _open(path)
        self._supervised = supervisor.supervised(path)
        self.close = weakref.finalize(self, os.close, self._handle)
        self._troubles = _read_troubles(journal)
        self._take_up()

    def begin(self, call: Call) -> None:
        """Record that a call starts."""
        self._write(_Left(call, supervised=self._supervised))

    def hangs(self, call: Call, seconds: float) -> None:
        """Record that a call is given up because it does not return."""
        self._write(_Left(call, seconds))

    def end(self, call: Call, overtime: str | None) -> None:
        """Record that a call has returned, or was interrupted.

        Parameters
        ----------
        call
            The method.
        overtime
            Why the method is to be suspended, if so.
        """
        self._clear()
        if overtime:
            logger().warning("%s; children of this process: %s", overtime, children() or "none")
            self._troubles[call] = _Trouble(0, clock.now(), overtime)
        elif not self._troubles or self._troubles.pop(call, None) is None:
            return
        self._keep()

    def suspension(self, call: Call, records: Mapping[Key, Record]) -> str | None:
        """Return why a method is suspended; None if it may be called.

        Parameters
        ----------
        call
            The method.
        records
            The journal's record of each analysis.
        """
        trouble = self._troubles.get(call)
        if trouble is None or not trouble.why or clock.now() - trouble.last > PAUSE:
            return None
        record = records.get(Key(call.subject, call.name))
        if record and record.status != "stuck" and record.since > trouble.last:
            return None
        return trouble.why

    def why(self, call: Call) -> str:
        """Return what is known about a call that ended the process."""
        trouble = self._troubles[call]
        return trouble.why or f"the process died in {call.what} ({trouble.deaths} of {DEATHS})"

    def _write(self, left: _Left) -> None:
        with suppress(OSError):  # a full disk does not prevent the call
            os.pwrite(self._handle, b"+" + msgspec.json.encode(left) + b"\n", 0)

    def _clear(self) -> None:
        with suppress(OSError):
            os.pwrite(self._handle, b"-", 0)

    def _take_up(self) -> None:
        """Count the death of the previous process, if it died in a call."""
        text = os.pread(self._handle, 10_000, 0).partition(b"\n")[0]
        if not text.startswith((b"+", supervisor.WITNESSED)):
            return
        try:
            call, hung, supervised = msgspec.json.decode(text[1:], type=_Left)
        except msgspec.MsgspecError:  # a power failure cut the file short
            return
        if supervised and not hung and text.startswith(b"+"):
            self._clear()
            logger().warning("%s: the command was killed during this call", call)
            return
        before = self._troubles.get(call)
        deaths = before.deaths + 1 if before else 1
        why = ""
        if hung:
            why = f"{call.what} did not return within {hung:g} s, and could not be interrupted"
            logger().error("%s; children of this process: %s", why, children() or "none")
        elif deaths >= DEATHS:
            why = f"the process died {deaths} times in {call.what}"
        self._troubles[call] = _Trouble(deaths, clock.now(), why)
        self._keep()
        self._clear()
        self.blamed = call
        logger().warning("%s: %s", call, self.why(call))

    def _keep(self) -> None:
        text = msgspec.json.encode(list(self._troubles.items())).decode()
        self.journal.set_property(_PROPERTY, text if self._troubles else None)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except OSError:  # a full disk, for example: deaths are not counted then
        return os.open(os.devnull, flags)


def _read_troubles(journal: Journal) -> dict[Call, _Trouble]:
    kept = journal.get_property(_PROPERTY)
    try:
        return dict(msgspec.json.decode(kept or "[]", type=list[tuple[Call, _Trouble]]))
    except msgspec.MsgspecError:  # of another version
        return {}


_made: weakref.WeakKeyDictionary[Workspace, CallLog] = weakref.WeakKeyDictionary()


def call_log(workspace: Workspace) -> CallLog | None:
    """Return a workspace's call log; None if this process does not act, as in a dry run.

    Each lease has a new one: another process may have died in between.
    """
    token = workspace.journal.fence
    if token is None:
        return None
    calls = _made.get(workspace)
    if calls is None or calls.token != token:
        for other, log in list(_made.items()):
            if other.journal.fence != log.token:  # its lease has ended
                log.close()
                del _made[other]
        calls = _made[workspace] = CallLog(workspace.journal, workspace.project.state)
    return calls


def acting() -> Workspace | None:
    """Return the workspace that this process acts in, or None."""
    return next((each for each in list(_made) if each.journal.fence is not None), None)


def report_last_crash(workspace: Workspace, report: Callable[[str], None]) -> None:
    """Report the call that killed the previous process, and suspend what kills it repeatedly.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    report
        Takes a line for each event.

    Raises
    ------
    AsimovError
        Where ``[monitor] hook timeout`` is not a number.
    """
    configured(workspace.project.config)
    calls = call_log(workspace)
    if calls is None or calls.blamed is None:
        return
    call, calls.blamed = calls.blamed, None
    why = calls.why(call)
    key = Key(call.subject, call.name)
    if key not in workspace.contents.entries:
        report(why if calls.suspension(call, workspace.records) else f"{why}; it is called again")
        return
    status = workspace.status(key)
    name = str(key)
    if calls.suspension(call, workspace.records) is None:
        report(f"{name}: {why}; it is called again")
    elif allowed(status, "stuck", role := "submit" if status == "ready" else "monitor"):
        workspace.move(key, "stuck", role, why)
        report(f"{name}: {status} -> stuck: {why}")
    else:
        report(f"{name}: {why}; it is left alone for an hour")
