"""The bindings: loading them, finding the schedd, and their failures in words."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asimov.errors import SchedulerError, SchedulerUnreachableError

T = TypeVar("T")
#: A ClassAd as far as it holds plain values.
Ad = dict[str, Any]
_PLAIN = (str, int, float, bool)
#: The most ads that one query of the history may return; an owner may have 100,000 jobs.
_MOST = 100_000
_located: dict[tuple[str | None, str | None], Any] = {}


def bindings() -> Any:
    """Return the module ``htcondor2``.

    Raises
    ------
    SchedulerUnreachableError
        Where it is not installed or finds no configuration.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the machine has no HTCondor
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
    """Give back the reference to None that ``Schedd.submit`` of the bindings loses.

    Measured with 25.14.1: each call loses one, and a process that has submitted some thousand
    times dies in "Fatal Python error: none_dealloc". From Python 3.12 on None can't be lost.
    """
    if sys.version_info < (3, 12):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Within the block, catch what native code prints; yields how to read it.

    The bindings' DAG code says why it refuses on standard error only, and chats on standard
    output, which belongs to the command's own result.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as stream:

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
            try:
                if self.schedd is None and self.collector is None:
                    found = htcondor2.Schedd()
                else:
                    collector = htcondor2.Collector(self.collector)
                    kind = htcondor2.DaemonType.Schedd
                    if self.schedd is not None:
                        location = collector.locate(kind, self.schedd)
                    else:
                        location = collector.locate(kind)
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
        schedd = self.locate()
        try:
            return question(schedd)
        except htcondor2.HTCondorException:
            self.forget()
        schedd = self.locate()
        try:
            return question(schedd)
        except htcondor2.HTCondorException as error:
            self.forget()
            raise self.unreachable(error) from error

    def demand(self, what: str, request: Callable[[Any], T]) -> T:
        """Ask the schedd once for something that changes it.

        Parameters
        ----------
        what
            What is asked for, as in "the submission was refused".

        Raises
        ------
        SchedulerUnreachableError
            Where it can't be reached, now or any more.
        SchedulerError
            Where it refuses; in HTCondor's words.
        """
        htcondor2 = bindings()
        schedd = self.locate()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as "the line ... was unused"
                return request(schedd)
        except (htcondor2.HTCondorException, ValueError, KeyError) as error:
            # The message does not tell a refusal from a broken contact; whether the schedd
            # still answers does.
            self.forget()
            self.ask(lambda schedd: schedd.query("false", ["ClusterId"], limit=1))
            raise SchedulerError(
                f"{what} was refused: {in_words(error)}", where=str(self)
            ) from error

    def queue(self, constraint: str, projection: Sequence[str]) -> list[Ad]:
        """Return the jobs in the queue that match, as plain values."""
        wanted = list(projection)
        return [plain(ad) for ad in self.ask(lambda schedd: schedd.query(constraint, wanted))]

    def history(
        self, constraint: str, projection: Sequence[str], since: float | None, most: int = _MOST
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
        return [
            plain(ad)
            for ad in self.ask(
                lambda schedd: schedd.history(constraint, wanted, match=most, since=stop)
            )
        ]


def _stop(since: float) -> str:
    return f"EnteredCurrentStatus < {int(since)} && StageInFinish =?= undefined"


def plain(ad: Any) -> Ad:
    """Return a ClassAd's plain values; those that are undefined are left out."""
    # By exact type: the bindings' Value.Undefined is an int.
    return {key: value for key, value in dict(ad).items() if type(value) in _PLAIN}
