"""A connection to one schedd and its pool: find it, query it, and request changes."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from asimov.errors import CredentialsError, SchedulerError, SchedulerUnreachableError
from asimov.scheduler.htcondor.bindings import bindings, message_of
from asimov.scheduler.htcondor.classads import Ad, plain
from asimov.scheduler.htcondor.credentials import refusal
from asimov.scheduler.htcondor.responsiveness import Responsiveness, sign_of_life

T = TypeVar("T")
#: The most ads that one query of the history may return; an owner may have 100,000 jobs.
MOST = 100_000
#: Separates a schedd's name from its pool in a place, as in ``condor_q -name``.
_POOL = " -pool "
_NAME = re.compile(r'^Name\s*=\s*"([^"]+)"\s*$', re.MULTILINE)
_located: dict[tuple[str | None, str | None], Any] = {}
_responsiveness: dict[tuple[str | None, str | None], Responsiveness] = {}


def local_schedd() -> str:
    """Return the name of this machine's schedd, or of the one configured in its place.

    The name is in a file that the schedd writes when it starts (``SCHEDD_DAEMON_AD_FILE``), so no
    daemon has to answer. Empty where it can't be found.
    """
    try:
        param = bindings().param
    except SchedulerUnreachableError:
        return ""
    remote = str(param.get("SCHEDD_HOST") or "").strip()
    if remote:
        return remote
    try:
        text = Path(param.get("SCHEDD_DAEMON_AD_FILE") or "").read_text(errors="replace")
    except OSError:  # an empty name is the current folder
        return ""
    found = _NAME.search(text)
    return found[1] if found else ""


@dataclass
class Connection:
    """A schedd: the local one, or a named one.

    Attributes
    ----------
    schedd
        Its name as ``condor_status -schedd`` shows it; None is the local one.
    collector
        The pool's collector, ``host:port``; None is the configured one.
    """

    schedd: str | None = None
    collector: str | None = None
    _key: tuple[str | None, str | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._key = (self.schedd, self.collector)

    def __str__(self) -> str:
        name = f"the schedd {self.schedd}" if self.schedd else "the local schedd"
        return f"{name} of the pool {self.collector}" if self.collector else name

    def unreachable(self, error: Exception) -> SchedulerUnreachableError:
        """Return the error for a schedd that can't be reached, or that refused the credentials."""
        renewal = refusal(str(error))
        if renewal is not None:
            return CredentialsError(
                f"{self} refuses your credentials: {renewal} ({message_of(error)})",
                hint="nothing was changed; asimov continues once your credentials are valid again",
            )
        return SchedulerUnreachableError(
            f"{self} can't be reached: {message_of(error)}",
            hint="'condor_status -schedd' lists the schedds that HTCondor finds; "
            "condor/scheduler and condor/collector in the configuration choose one",
        )

    @property
    def place(self) -> str:
        """The schedd's name and, where configured, its pool; empty where the name is unknown.

        As ``condor_q -name`` takes it: ``schedd@host`` or ``schedd@host -pool collector:9618``.
        """
        if self.schedd is None:
            # Only the collector could say which schedd this is.
            return "" if self.collector else local_schedd()
        return f"{self.schedd}{_POOL}{self.collector}" if self.collector else self.schedd

    @property
    def is_local(self) -> bool:
        """Whether the schedd is on this machine, as far as the configuration says."""
        if self.collector is not None or self.schedd not in {None, local_schedd()}:
            return False
        return not str(bindings().param.get("SCHEDD_HOST") or "").strip()

    @classmethod
    def to(cls, place: str) -> Connection:
        """Return the connection to a place, as `place` returned it; local for the local one."""
        if place == local_schedd():
            return cls()
        name, _, collector = place.partition(_POOL)
        return cls(name, collector or None)

    def ask_collector(self, question: Callable[[Any], T]) -> T:
        """Ask the pool's collector.

        Raises
        ------
        SchedulerUnreachableError
            Where it does not answer.
        """
        htcondor2 = bindings()
        try:
            return question(htcondor2.Collector(self.collector))
        except (htcondor2.HTCondorException, RuntimeError, TypeError) as error:
            pool = f"the collector {self.collector}" if self.collector else "the pool's collector"
            raise SchedulerUnreachableError(
                f"{pool} can't be reached: {message_of(error)}",
                hint="set condor/collector in the configuration, or COLLECTOR_HOST in HTCondor's",
            ) from error

    def location(self) -> Any:
        """Return the ad with the schedd's address.

        Raises
        ------
        SchedulerUnreachableError
            Where it can't be found.
        """
        htcondor2 = bindings()
        kind = htcondor2.DaemonType.Schedd
        name = self.schedd
        try:
            if name is None and self.collector is None:
                found = htcondor2.Collector().locate(kind)
            elif name is None:
                found = self._only_one(htcondor2.Collector(self.collector).locateAll(kind))
            else:
                found = htcondor2.Collector(self.collector).locate(kind, name)
        except (htcondor2.HTCondorException, RuntimeError, TypeError, KeyError) as error:
            raise self.unreachable(error) from error
        if found is None:
            # The bindings would use the local schedd instead.
            raise self.unreachable(LookupError("the collector knows no schedd of that name"))
        return found

    def _only_one(self, schedds: Sequence[Any]) -> Any:
        """Return a pool's schedd where none is named: its only one, or this machine's."""
        local = local_schedd()
        mine = [ad for ad in schedds if len(schedds) == 1 or ad.get("Name") == local]
        if len(mine) != 1:
            raise self.unreachable(
                LookupError(
                    f"the collector knows {len(schedds)} schedds and none is this machine's"
                )
            )
        return mine[0]

    def locate(self) -> Any:
        """Return the bindings' schedd object, located once per process.

        Raises
        ------
        SchedulerUnreachableError
            Where it can't be found.
        """
        found = _located.get(self._key)
        if found is None:
            htcondor2 = bindings()
            location = self.location()
            try:
                found = htcondor2.Schedd(location)
            except (htcondor2.HTCondorException, RuntimeError, TypeError, KeyError) as error:
                raise self.unreachable(error) from error
            _located[self._key] = found
        return found

    def forget(self) -> None:
        """Locate the schedd again next time: after a restart it has another address."""
        _located.pop(self._key, None)

    def ask(self, question: Callable[[Any], T]) -> T:
        """Ask the schedd a question that changes nothing, at most twice.

        Raises
        ------
        SchedulerUnreachableError
            Where it does not answer.
        """
        htcondor2 = bindings()
        state = _responsiveness.setdefault(self._key, Responsiveness())
        if state.unresponsive and state.failure:
            raise self.unreachable(state.failure)
        again = True
        while True:
            schedd = self.locate()
            begun = time.monotonic()
            try:
                answer = question(schedd)
            except htcondor2.HTCondorException as error:
                self.forget()
                if state.record_failure(begun, error) or not again:
                    raise self.unreachable(error) from error
                again = False
            else:
                state.record_answer()
                return answer

    def ensure_responsive(self) -> None:
        """Test that the schedd answers, unless it has just done so; see `responsiveness`.

        Raises
        ------
        SchedulerUnreachableError
            Where it does not.
        """
        if not _responsiveness.setdefault(self._key, Responsiveness()).recent:
            self.ask(sign_of_life)

    def demand(self, what: str, request: Callable[[Any], T]) -> T:
        """Request a change from the schedd, once.

        Parameters
        ----------
        what
            The request in words, as in "the submission was refused".
        request
            Makes the request with the bindings' schedd.

        Raises
        ------
        SchedulerUnreachableError
            Where it can't be reached, before or after, or lets this user change nothing at all.
        SchedulerError
            Where it refuses, with HTCondor's message.
        """
        htcondor2 = bindings()
        self.ensure_responsive()
        schedd = self.locate()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as "the line ... was unused"
                answer = request(schedd)
        except (htcondor2.HTCondorException, ValueError, KeyError) as error:
            # The message does not distinguish a refusal from a lost connection; whether the
            # schedd still answers does.
            self.forget()
            self.ask(sign_of_life)
            self._check_rights(error)
            raise SchedulerError(
                f"{what} was refused: {message_of(error)}", where=str(self)
            ) from error
        _responsiveness[self._key].record_answer()
        return answer

    def _check_rights(self, refusal: Exception) -> None:
        """Raise if this user may change nothing: then the request itself is not at fault."""
        htcondor2 = bindings()
        try:
            htcondor2.ping(self.location(), "WRITE")
        except SchedulerUnreachableError:
            return  # no answer: assume that the request was refused
        except htcondor2.HTCondorException as error:
            raise SchedulerUnreachableError(
                f"{self} does not allow this user to change anything: {message_of(refusal)}",
                hint="'condor_ping -type schedd WRITE' tests this; the schedd's ALLOW_WRITE and "
                "DENY_WRITE decide",
            ) from error

    def queue(self, constraint: str, projection: Sequence[str]) -> list[Ad]:
        """Return the matching jobs in the queue, as plain values."""
        wanted = list(projection)
        return [plain(ad) for ad in self.ask(lambda schedd: schedd.query(constraint, wanted))]

    def ads(self, constraint: str, most: int) -> list[Any]:
        """Return whole ads of at most `most` matching jobs in the queue, with their expressions."""
        return list(self.ask(lambda schedd: schedd.query(constraint, limit=most)))

    def idle(self, constraint: str) -> int:
        """Return how many of the matching jobs in the queue are idle, as the schedd counts."""
        summary = bindings().QueryOpts.SummaryOnly
        [ad] = self.ask(lambda schedd: schedd.query(constraint, opts=summary))
        # Jobs of the scheduler universe, such as DAGs, are counted separately.
        return int(ad["Idle"]) + int(ad["SchedulerIdle"])

    def history(
        self, constraint: str, projection: Sequence[str], since: float | None, most: int = MOST
    ) -> list[Ad]:
        """Return the matching jobs that left the queue after a time, the latest first.

        Parameters
        ----------
        since
            The time, in seconds since the epoch; None searches the whole history.
        """
        # `since` ends the scan, which goes from the newest record back. A spooled job may leave
        # the queue days after it ended, so its old time says nothing about older records.
        stop = None if since is None else _stop(since)
        wanted = list(projection)
        self.ensure_responsive()
        ads = self.ask(lambda schedd: schedd.history(constraint, wanted, match=most, since=stop))
        return [plain(ad) for ad in ads]


def _stop(since: float) -> str:
    return f"EnteredCurrentStatus < {int(since)} && StageInFinish =?= undefined"
