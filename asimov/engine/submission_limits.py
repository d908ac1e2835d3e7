"""Limit how many analyses are active, submitted at once and queued, as configured.

``[monitor] max active``
    How many analyses may be active at once, that is have, or may have, a job.
``[monitor] max submissions``
    How many analyses one command, or one pass of the monitor, submits.
``[condor] max queued``
    Nothing is submitted while this many of the project's jobs, nodes of DAGs included, wait in the
    queue. The queue is asked once; after that each submitted analysis counts as one more job.

Limits are optional. An analysis that exceeds one stays ready, and the first command that finds room
submits it; the ledger's order holds.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Collection
from configparser import ConfigParser

import msgspec
from msgspec import structs

from asimov.configuration import PROJECT_FILE, number
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.states import STATES

#: The journal property with the reason why a submission deferred analyses, for `deferral`.
_PROPERTY = "deferred"


class Limits(msgspec.Struct, frozen=True):
    """The configured limits; None for each that is not set.

    Attributes
    ----------
    active, submissions, queued
        ``[monitor] max active`` and ``max submissions``, ``[condor] max queued``.
    """

    active: int | None = None
    submissions: int | None = None
    queued: int | None = None

    @classmethod
    def of(cls, config: ConfigParser) -> Limits:
        """Read the limits from the configuration.

        Raises
        ------
        AsimovError
            If one is not a whole number of at least 0.
        """
        return cls(
            _whole(config, "monitor", "max active"),
            _whole(config, "monitor", "max submissions"),
            _whole(config, "condor", "max queued"),
        )


#: When the waiting jobs of an open project were last counted, and their number since.
_counted: weakref.WeakKeyDictionary[Workspace, tuple[float, int | None]] = (
    weakref.WeakKeyDictionary()
)


class Throttle:
    """The room that one command has below the limits.

    Parameters
    ----------
    workspace
        The open project.
    uncertain
        Analyses that may have been submitted; they count as active.
    most
        How many analyses the command may submit; by default what the configuration says.
    """

    def __init__(
        self, workspace: Workspace, uncertain: Collection[Key] = (), most: int | None = None
    ) -> None:
        self.limits = Limits.of(workspace.project.config)
        self._limit = "[monitor] max submissions" if most is None else "--max-submit"
        if most is not None:
            self.limits = structs.replace(self.limits, submissions=most)
        self._workspace = workspace
        self._active = 0
        if self.limits.active is not None:
            records = workspace.records.items()
            active = {key for key, record in records if STATES[record.status].active}
            self._active = len(active.union(uncertain))
        self._submissions = 0
        self._queued: int | SchedulerUnreachableError | None = None
        self._asked = False
        self._deferred: str | None = None

    def full(self) -> str | None:
        """Return why nothing more may be submitted now; None if there is room.

        Raises
        ------
        SchedulerUnreachableError
            If the queue must be asked and is unreachable.
        """
        reason = self.too_active()
        if reason is None:
            reason = self._deferred = self._too_many() or self._too_long()
        return reason

    def too_active(self) -> str | None:
        """Return a reason if as many analyses are active as allowed; None otherwise."""
        if self.limits.active is None or self._active < self.limits.active:
            return None
        are = "analysis is" if self._active == 1 else "analyses are"
        return f"{self._active} {are} active, and [monitor] max active is {self.limits.active}"

    def _too_many(self) -> str | None:
        if self.limits.submissions is None or self._submissions < self.limits.submissions:
            return None
        if not self.limits.submissions:
            return f"nothing is submitted: {self._limit} is 0"
        were = "was" if self._submissions == 1 else "were"
        return (
            f"{self._submissions} {were} submitted at once, and {self._limit} is "
            f"{self.limits.submissions}: the next pass continues"
        )

    def _too_long(self) -> str | None:
        if self.limits.queued is None:
            return None
        if not self.limits.queued:
            return "nothing is submitted: [condor] max queued is 0"
        if not self._asked:
            self._asked = True
            try:
                self._queued = self._count_queued()
            except SchedulerUnreachableError as error:
                self._queued = error
        if isinstance(self._queued, SchedulerUnreachableError):
            raise self._queued
        if self._queued is None or self._queued < self.limits.queued:
            return None
        wait = "job waits" if self._queued == 1 else "jobs wait"
        return (
            f"{self._queued} {wait} in the queue, and [condor] max queued is {self.limits.queued}"
        )

    def _count_queued(self) -> int | None:
        """Return how many jobs wait, asking no more often than the scheduler allows.

        A watch submits whenever a log shows that a job has ended. Between two questions, each
        submission counts as one job.
        """
        scheduler = self._workspace.scheduler()
        when, count = _counted.get(self._workspace, (float("-inf"), None))
        if time.monotonic() - when >= scheduler.shortest_interval:
            count = scheduler.queued()
            _counted[self._workspace] = time.monotonic(), count
        return count

    def count(self) -> None:
        """Count one submitted analysis."""
        self._active += 1
        self._submissions += 1
        if isinstance(self._queued, int):
            self._queued += 1
            _counted[self._workspace] = _counted[self._workspace][0], self._queued

    def keep(self) -> None:
        """Record the reason for `deferral` that the records do not show, if it has changed."""
        journal = self._workspace.journal
        value = self._deferred and f"{self.limits}\n{self._deferred}"
        if journal.get_property(_PROPERTY) != value:
            journal.set_property(_PROPERTY, value)


def deferral(workspace: Workspace) -> str | None:
    """Return which limit keeps analyses from being submitted; None if there is none.

    No scheduler is asked: for the queue and for a single command this is what was found last.

    Parameters
    ----------
    workspace
        The open project.

    Raises
    ------
    AsimovError
        If a limit is not a whole number of at least 0.
    """
    throttle = Throttle(workspace)
    if reason := throttle.too_active():
        return reason
    limits = throttle.limits
    if limits.submissions is None and limits.queued is None:
        return None
    # What was found under other limits does not apply to these.
    before, _, reason = (workspace.journal.get_property(_PROPERTY) or "").partition("\n")
    return reason if reason and before == str(limits) else None


def makes_room(reason: str) -> str:
    """Return what would end a deferral.

    Parameters
    ----------
    reason
        As `deferral` returned it.
    """
    if reason.endswith("is 0"):
        return "a higher limit: 'asimov configuration update' sets it"
    if "max submissions" in reason:
        return "the next 'asimov manage submit', or pass of 'asimov monitor --chain'"
    return "other analyses to end, or a higher limit: 'asimov configuration update' sets it"


def _whole(config: ConfigParser, section: str, option: str) -> int | None:
    if not config.has_option(section, option):
        return None
    hint = f"for no limit, delete the line {option!r} of [{section}] in {PROJECT_FILE}"
    try:
        value = number(config, section, option, 0)
    except AsimovError as error:
        error.hint = hint  # the usual hint suggests 0, which would block all submissions
        raise
    if value != int(value):
        raise AsimovError(
            f"should be a whole number, not {value:g}",
            where=f"configuration: {section}/{option}",
            hint=hint,
        )
    return int(value)
