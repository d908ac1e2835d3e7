"""How much is submitted: limits of the configuration, and whether there is room below them.

``[monitor] max active``
    How many analyses may be active at once: they have, or may have, a job.
``[monitor] max submissions``
    How many analyses one command, or one pass of the monitor, submits.
``[condor] max queued``
    Nothing is submitted while so many of the project's jobs, nodes of DAGs included, wait in the
    queue. It is asked once and counted on from there, one for each analysis.

A limit that is not set does not hold. What there is no room for stays ready, in the ledger's
order; the first command that finds room submits it.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Collection
from configparser import ConfigParser
from dataclasses import dataclass

from asimov.configuration import PROJECT_FILE, number
from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.keys import Key
from asimov.project.workspace import Workspace
from asimov.states import STATES

#: Under which the journal keeps why a submission left something out, for `deferral`.
_PROPERTY = "deferred"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that are set, None where one is not.

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
            Where one is no whole number from 0.
        """
        return cls(
            _whole(config, "monitor", "max active"),
            _whole(config, "monitor", "max submissions"),
            _whole(config, "condor", "max queued"),
        )


#: When the jobs of an open project that wait were counted, and how many they are since.
_counted: weakref.WeakKeyDictionary[Workspace, tuple[float, int | None]] = (
    weakref.WeakKeyDictionary()
)


class Throttle:
    """The room that is left to one command.

    Parameters
    ----------
    workspace
        The open project.
    uncertain
        Analyses of which it is not known whether they were submitted: they count as active.
    """

    def __init__(self, workspace: Workspace, uncertain: Collection[Key] = ()) -> None:
        self.limits = Limits.of(workspace.project.config)
        self._workspace = workspace
        records = workspace.records.items()
        active = {key for key, record in records if STATES[record.status].active}
        self._active = len(active.union(uncertain))
        self._submissions = 0
        self._queued: int | SchedulerUnreachableError | None = None
        self._asked = False
        self._deferred: str | None = None

    def full(self) -> str | None:
        """Return why nothing more may be submitted now; None where there is room.

        Raises
        ------
        SchedulerUnreachableError
            Where the queue would have to be asked and can't be.
        """
        reason = self.too_active()
        if reason is None:
            reason = self._deferred = self._too_many() or self._too_long()
        return reason

    def too_active(self) -> str | None:
        """Say that as many analyses are active as may be, if so."""
        if self.limits.active is None or self._active < self.limits.active:
            return None
        are = "analysis is" if self._active == 1 else "analyses are"
        return f"{self._active} {are} active, and [monitor] max active is {self.limits.active}"

    def _too_many(self) -> str | None:
        if self.limits.submissions is None or self._submissions < self.limits.submissions:
            return None
        if not self.limits.submissions:
            return "nothing is submitted: [monitor] max submissions is 0"
        were = "was" if self._submissions == 1 else "were"
        return (
            f"{self._submissions} {were} submitted at once, and [monitor] max submissions is "
            f"{self.limits.submissions}: the next pass goes on"
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
        """Return how many jobs wait: asked no more often than the scheduler wants to be.

        A watch submits whenever a log tells of an end. In between, each submission counts as one.
        """
        scheduler = self._workspace.scheduler()
        when, count = _counted.get(self._workspace, (float("-inf"), None))
        if time.monotonic() - when >= scheduler.shortest_interval:
            count = scheduler.queued()
            _counted[self._workspace] = time.monotonic(), count
        return count

    def count(self) -> None:
        """Count an analysis that is submitted."""
        self._active += 1
        self._submissions += 1
        if isinstance(self._queued, int):
            self._queued += 1
            _counted[self._workspace] = _counted[self._workspace][0], self._queued

    def keep(self) -> None:
        """Keep for `deferral` what can't be told from the records: one write, where it changes."""
        journal = self._workspace.journal
        told = self._deferred and f"{self.limits}\n{self._deferred}"
        if journal.get_property(_PROPERTY) != told:
            journal.set_property(_PROPERTY, told)


def deferral(workspace: Workspace) -> str | None:
    """Say why an analysis that could be submitted is not, as far as that is a limit's doing.

    Asks no scheduler: of the queue and of a single command it says what was found last.

    Parameters
    ----------
    workspace
        The open project.

    Raises
    ------
    AsimovError
        Where a limit is no whole number from 0.
    """
    throttle = Throttle(workspace)
    if reason := throttle.too_active():
        return reason
    limits = throttle.limits
    if limits.submissions is None and limits.queued is None:
        return None
    # What was found under other limits says nothing of these.
    before, _, reason = (workspace.journal.get_property(_PROPERTY) or "").partition("\n")
    return reason if reason and before == str(limits) else None


def makes_room(reason: str) -> str:
    """Say what ends a deferral.

    Parameters
    ----------
    reason
        As `deferral` returned it.
    """
    if reason.endswith("is 0"):
        return "a higher limit: 'asimov configuration update' sets it"
    if "max submissions" in reason:
        return "the next 'asimov manage submit', or pass of 'asimov monitor --chain'"
    return "the end of others, or a higher limit: 'asimov configuration update' sets it"


def _whole(config: ConfigParser, section: str, option: str) -> int | None:
    if not config.has_option(section, option):
        return None
    hint = f"for no limit, delete the line {option!r} of [{section}] in {PROJECT_FILE}"
    try:
        value = number(config, section, option, 0)
    except AsimovError as error:
        error.hint = hint  # 0, which stands there else, would let nothing be submitted
        raise
    if value != int(value):
        raise AsimovError(
            f"should be a whole number, and is {value:g}",
            where=f"configuration: {section}/{option}",
            hint=hint,
        )
    return int(value)
