"""A process of its own that sends runs through the phases, so that a crash ends only one run."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from asimov.phases.log_files import log_to, logger
from asimov.phases.messages import complete
from asimov.phases.one_run import Ended, Failure, process, put_aside_after
from asimov.phases.packed import Packed
from asimov.phases.pipeline import Pipeline
from asimov.phases.run_records import RunRecord, write_record
from asimov.phases.shared_blocks import named_apart
from asimov.system.child_process import exit_text

_PR_SET_PDEATHSIG = 1


class Watcher(Protocol):
    """Receives reports of what a process does."""

    def entered(self, run: int, place: int, phases: int, phase: str) -> None:
        """Note that a phase of a run begins: its place among the active ones, from 0."""

    def said(self, message: Any) -> None:
        """Take a message of a phase."""

    def ended(self, end: Ended) -> None:
        """Note the end of a run."""


@dataclass(frozen=True)
class Work:
    """What a process has to know.

    Attributes
    ----------
    pipeline
        The packed `Pipeline`.
    seed
        Every run has a generator of its own, made from this and the run's number.
    prefix
        Of the names of shared memory.
    log
        The log file; None for standard error.
    digests
        For each run what its record says that it depends on; None if no records are kept.
    """

    pipeline: Packed
    seed: int
    prefix: str
    log: Path | None
    digests: Mapping[int, str] | None = None


class RunProcess:
    """A process with a list of runs; another takes over if it ends before its time.

    Parameters
    ----------
    pipeline
        The pipeline, as this process has it.
    work
        What the other process has to know.
    runs
        The numbers of the runs, in order.
    watcher
        Receives reports of what happens.

    Attributes
    ----------
    failures
        The runs that failed so far.
    reports
        What `multiprocessing.connection.wait` can wait for.
    """

    def __init__(
        self, pipeline: Pipeline, work: Work, runs: Sequence[int], watcher: Watcher
    ) -> None:
        self._pipeline, self._work, self._watcher = pipeline, work, watcher
        self._left = list(runs)
        self._now: tuple[int, str] | None = None
        self.failures: list[Failure] = []
        self._start(append=False)

    def _start(self, *, append: bool) -> None:
        # A new process has everything pickled, on every system and whatever the script chose.
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.SimpleQueue()
        self.reports, reports = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(self._work, self._left, self._queue, reports, append)
        )
        self._process.start()
        reports.close()  # so that the end of the process ends the reports

    def is_over(self) -> bool:
        """Take what the process has sent since; return whether all its runs have ended."""
        over = False
        while not over and self.reports.poll():
            try:
                report = self.reports.recv()
            except (EOFError, OSError):
                over = True
            else:
                self._take(*report)
                self._messages()
        self._messages()
        if not over:
            return False
        self._process.join()
        self.reports.close()
        self._queue.close()
        if not self._left:
            return True
        self._crashed(exit_text(self._process.exitcode or 0))
        if not self._left:
            return True
        self._start(append=True)
        return False

    def close(self) -> None:
        """End the process, if it has not ended."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def _messages(self) -> None:
        while not self._queue.empty():
            try:
                message = self._queue.get()
            except Exception as error:  # a message that can't be unpickled here
                logger().debug("a message was lost: %r", error)
            else:
                if getattr(message, "run", -1) != -1:
                    self._watcher.said(message)

    def _take(self, kind: str, *report: Any) -> None:
        if kind == "entered":
            run, _, _, phase = report
            self._now = (run, phase)
            self._watcher.entered(*report)
        else:
            self._end(*report)

    def _end(self, end: Ended) -> None:
        self._left.remove(end.run)
        self._now = None
        if end.failure is not None:
            self.failures.append(end.failure)
        self._watcher.ended(end)

    def _crashed(self, how: str) -> None:
        """Blame the run that was being processed; if there was none, none can be processed."""
        if self._now is not None:
            run, phase = self._now
            aside = put_aside_after(self._pipeline, run, phase)
            failed = [Failure(run, phase, f"its process ended: {how}", "", aside)]
        else:
            reason = f"its process ended before it began: {how}"
            failed = [Failure(run, "no phase", reason) for run in self._left]
        for failure in failed:
            logger().error("%s", failure)
            self._end(Ended(failure.run, {}, failure))


def _work(
    work: Work, runs: Sequence[int], msg_queue: Any, reports: Connection, append: bool
) -> None:
    """Process runs; this is all that the new process does."""
    _end_with_parent()
    with log_to(work.log, append=append), named_apart(work.prefix):
        pipeline = work.pipeline.unpacked()
        for run in runs:
            rng = generator(work.seed, run)
            end = process(pipeline, run, msg_queue, rng, _entered(reports, run, work))
            reports.send(("ended", end))
        msg_queue.put(complete())


def _entered(reports: Connection, run: int, work: Work) -> Callable[[int, int, str], None]:
    def entered(place: int, phases: int, phase: str) -> None:
        if work.digests is not None:  # before the phase can leave anything half written
            write_record(run, RunRecord(work.digests[run], phase))
        reports.send(("entered", run, place, phases, phase))

    return entered


def generator(seed: int, run: int) -> Any:
    """Return the random generator of a run: the same whatever process it runs in.

    Parameters
    ----------
    seed
        Of all runs.
    run
        The number of the run.
    """
    from numpy.random import SeedSequence, default_rng

    return default_rng(SeedSequence(seed, spawn_key=(run,)))


def _end_with_parent() -> None:
    """Have the system end this process with the one that started it, however that ends."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
