"""The bindings: loading them, finding the schedd, and their failures in words."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler.htcondor.knocking import sign_of_life
from asimov.scheduler.htcondor.silence import Silence
from asimov.system.files import memory_file

T = TypeVar("T")
#: A ClassAd as far as it holds plain values.
Ad = dict[str, Any]
_PLAIN = (str, int, float, bool)
#: The most ads that one query of the history may return; an owner may have 100,000 jobs.
MOST = 100_000
#: What stands between a schedd's name and its pool in a place, as behind ``condor_q -name``.
_POOL = " -pool "
_NAME = re.compile(r'^Name\s*=\s*"([^"]+)"\s*$', re.MULTILINE)
_located: dict[tuple[str | None, str | None], Any] = {}
_silence: dict[tuple[str | None, str | None], Silence] = {}


def bindings() -> Any:
    """Return the module ``htcondor2``.

    Raises
    ------
    SchedulerUnreachableError
        Where it is not installed or finds no configuration.
    """
    try:
        # It warns, and prints, where the machine has no HTCondor; what asks it says so in a line.
        with warnings.catch_warnings(), nullcontext() if "htcondor2" in sys.modules else captured():
            warnings.simplefilter("ignore")
            import htcondor2
    except ImportError as error:
        raise SchedulerUnreachableError(
            f"HTCondor's Python bindings can't be loaded ({error})",
            hint="pip install htcondor, in the environment that asimov runs in",
        ) from error
    return htcondor2


def quoted(text: str) -> str:
    """Return a text as a ClassAd string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Return a text as configuration and submit commands write it: without macros."""
    return re.sub(r"\$(?=\w*\()", "$(DOLLAR)", text)


def keep_none() -> None:
    """Give back the references to None that ``Schedd.submit`` of the bindings loses.

    Measured with 25.14.1: each call loses one or two, and a process that has submitted some
    thousand times dies in "Fatal Python error: none_dealloc"; one that is given back for nothing
    does no harm. From Python 3.12 on None can't be lost.
    """
    if sys.version_info < (3, 12):
        for _ in range(2):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Within the block, catch what native code prints; yields how to read it.

    The bindings' DAG code says why it refuses on standard error only, and chats on standard
    output, which belongs to the command's own result.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with memory_file() as stream:

        def text() -> str:
            stream.seek(0)
            return stream.read().decode(errors="replace")

        saved = os.dup(1), os.dup(2)
        try:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            yield text
        finally:
            for number, handle in zip((1, 2), saved, strict=True):
                os.dup2(handle, number)
                os.close(handle)


def member(attribute: str, numbers: Iterable[int]) -> str:
    """Return the constraint that an attribute is one of some numbers.

    A chain of ``||`` is no way to say it: measured with 25.14.1, the schedd answers one of 500
    comparisons on the history with nothing at all and without an error, where this form was
    right with 60,000 characters, in half the time.
    """
    return f"member({attribute}, {{{','.join(map(str, numbers))}}})"


def local_schedd() -> str:
    """Return the name of this machine's schedd, or of the one that it uses instead of its own.

    It stands in a file that the schedd writes when it starts (``SCHEDD_DAEMON_AD_FILE``), so that
    nobody has to answer. Empty where it can't be found.
    """
    try:
        param = bindings().param
    except SchedulerUnreachableError:
        return ""
    elsewhere = str(param.get("SCHEDD_HOST") or "").strip()
    if elsewhere:
        return elsewhere
    try:
        text = Path(param.get("SCHEDD_DAEMON_AD_FILE") or "").read_text(errors="replace")
    except OSError:  # an empty name is the current folder
        return ""
    found = _NAME.search(text)
    return found[1] if found else ""


def in_words(error: Exception) -> str:
    """Return an exception of the bindings as one line."""
    text = " ".join(str(error).split())
    return text or f"{type(error).__name__} without a message"


@dataclass
class Connection:
    """A schedd: the local one, or one by name.

    Attributes
    ----------
    schedd
        Its name as ``condor_status -schedd`` has it; None is the local one.
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
        """Return the error that says that this schedd can't be asked."""
        return SchedulerUnreachableError(
            f"{self} can't be reached: {in_words(error)}",
            hint="'condor_status -schedd' shows the schedds that HTCondor finds; "
            "[condor] scheduler and collector of the configuration choose one",
        )

    @property
    def place(self) -> str:
        """The schedd's name and, where it is configured, its pool; empty where nobody knows it.

        As behind ``condor_q -name``: ``schedd@host`` or ``schedd@host -pool collector:9618``.
        """
        if self.schedd is None:
            # Which schedd a collector means can't be told without asking it.
            return "" if self.collector else local_schedd()
        return f"{self.schedd}{_POOL}{self.collector}" if self.collector else self.schedd

    @classmethod
    def to(cls, place: str) -> Connection:
        """Return the connection to a place that `place` told; local where that is the local one."""
        if place == local_schedd():
            return cls()
        name, _, collector = place.partition(_POOL)
        return cls(name, collector or None)

    def ask_collector(self, question: Callable[[Any], T]) -> T:
        """Ask the pool's collector something.

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
                f"{pool} can't be reached: {in_words(error)}",
                hint="[condor] collector of the configuration, or HTCondor's COLLECTOR_HOST, "
                "says where it is",
            ) from error

    def location(self) -> Any:
        """Return the ad that says where the schedd is.

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
            # The bindings would take the local schedd instead.
            raise self.unreachable(LookupError("the collector knows no schedd of that name"))
        return found

    def _only_one(self, schedds: Sequence[Any]) -> Any:
        """Return the schedd that a pool means: its only one, or else this machine's."""
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
        """Return the bindings' schedd, found once per process.

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
        """Find the schedd anew next time: one that was restarted has another address."""
        _located.pop(self._key, None)

    def ask(self, question: Callable[[Any], T]) -> T:
        """Ask the schedd something that changes nothing, twice if need be.

        Raises
        ------
        SchedulerUnreachableError
            Where it does not answer.
        """
        htcondor2 = bindings()
        silence = _silence.setdefault(self._key, Silence())
        if silence.lasts and silence.failure:
            raise self.unreachable(silence.failure)
        again = True
        while True:
            schedd = self.locate()
            begun = time.monotonic()
            try:
                answer = question(schedd)
            except htcondor2.HTCondorException as error:
                self.forget()
                if silence.fails(begun, error) or not again:
                    raise self.unreachable(error) from error
                again = False
            else:
                silence.answers()
                return answer

    def knock(self) -> None:
        """See that the schedd answers, unless it has just done so; see `silence`.

        Raises
        ------
        SchedulerUnreachableError
            Where it does not.
        """
        if not _silence.setdefault(self._key, Silence()).recent:
            self.ask(sign_of_life)

    def demand(self, what: str, request: Callable[[Any], T]) -> T:
        """Ask the schedd once for something that changes it.

        Parameters
        ----------
        what
            What is asked for, as in "the submission was refused".

        Raises
        ------
        SchedulerUnreachableError
            Where it can't be reached, now or any more, or lets this user change nothing at all.
        SchedulerError
            Where it refuses; in HTCondor's words.
        """
        htcondor2 = bindings()
        self.knock()
        schedd = self.locate()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as "the line ... was unused"
                answer = request(schedd)
        except (htcondor2.HTCondorException, ValueError, KeyError) as error:
            # The message does not tell a refusal from a broken contact; whether the schedd
            # still answers does.
            self.forget()
            self.ask(sign_of_life)
            self._check_rights(error)
            raise SchedulerError(
                f"{what} was refused: {in_words(error)}", where=str(self)
            ) from error
        _silence[self._key].answers()
        return answer

    def _check_rights(self, refusal: Exception) -> None:
        """Raise where whoever asks may change nothing: that is no fault of what was asked for."""
        htcondor2 = bindings()
        try:
            htcondor2.ping(self.location(), "WRITE")
        except SchedulerUnreachableError:
            return  # it can't be asked: the refusal stands
        except htcondor2.HTCondorException as error:
            raise SchedulerUnreachableError(
                f"{self} does not let this user change anything: {in_words(refusal)}",
                hint="'condor_ping -type schedd WRITE' asks it; its ALLOW_WRITE and DENY_WRITE say",
            ) from error

    def queue(self, constraint: str, projection: Sequence[str]) -> list[Ad]:
        """Return the jobs in the queue that match, as plain values."""
        wanted = list(projection)
        return [plain(ad) for ad in self.ask(lambda schedd: schedd.query(constraint, wanted))]

    def ads(self, constraint: str, most: int) -> list[Any]:
        """Return whole ads of jobs in the queue, with their expressions, at most `most`."""
        return list(self.ask(lambda schedd: schedd.query(constraint, limit=most)))

    def idle(self, constraint: str) -> int:
        """Return how many of the matching jobs in the queue are idle; the schedd counts them."""
        summary = bindings().QueryOpts.SummaryOnly
        [ad] = self.ask(lambda schedd: schedd.query(constraint, opts=summary))
        # Those of the scheduler universe, DAGs among them, are counted apart.
        return int(ad["Idle"]) + int(ad["SchedulerIdle"])

    def history(
        self, constraint: str, projection: Sequence[str], since: float | None, most: int = MOST
    ) -> list[Ad]:
        """Return the jobs that left the queue after a time and match, the last one first.

        Parameters
        ----------
        since
            In seconds since the epoch; None searches all of the history until `most` are found.
        """
        # `since` is where the scan, from the newest record back, ends. A spooled job may leave
        # the queue days after it ended, so that its old time says nothing of the next record's.
        stop = None if since is None else _stop(since)
        wanted = list(projection)
        self.knock()
        ads = self.ask(lambda schedd: schedd.history(constraint, wanted, match=most, since=stop))
        return [plain(ad) for ad in ads]


def _stop(since: float) -> str:
    return f"EnteredCurrentStatus < {int(since)} && StageInFinish =?= undefined"


def plain(ad: Any) -> Ad:
    """Return a ClassAd's plain values; those that are undefined are left out."""
    # By exact type: the bindings' Value.Undefined is an int.
    return {key: value for key, value in dict(ad).items() if type(value) in _PLAIN}
