"""The attempts that run: starting them, noticing their ends, ending them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from asimov.scheduler.local.claims import Claim, Life, read_claim
from asimov.scheduler.local.endings import Ending, Traces, traces, write_ending
from asimov.scheduler.local.keeper import kill_marked, start
from asimov.scheduler.local.orphans import Loss, outcome, signal_left
from asimov.scheduler.local.process_spec import Process
from asimov.system.processes import started_at


@dataclass(slots=True)
class Attempt:
    """An attempt at a process.

    Attributes
    ----------
    number
        Which one of the process's it is.
    cpus
        The processors that it takes.
    keeper
        The keeper's process id; 0 where it is not known.
    ours
        Whether the keeper is a living child of this runner.
    asked
        Whether it is to end.
    deadline
        When a program without a keeper is killed that was asked to end; None for any other.
    """

    number: int
    cpus: int
    keeper: int = 0
    ours: bool = True
    asked: bool = False
    deadline: float | None = None


class Running:
    """The attempts that run, by the process's row.

    Parameters
    ----------
    folder
        Where their traces are.
    home
        What tells this queue from others, for marks.
    witness
        Who takes over what keepers leave (see `asimov.scheduler.local.witness`).
    grace
        How long a program may live after it was asked to end, in seconds.
    """

    def __init__(self, folder: Path, home: str, witness: str, grace: float) -> None:
        self.folder = folder
        self.home = home
        self.witness = witness
        self.grace = grace
        self.attempts: dict[int, Attempt] = {}
        self._keepers: dict[int, int] = {}

    def traces(self, process: int, number: int) -> Traces:
        """Return the files of an attempt."""
        return traces(self.folder, f"{process}.{number}")

    def adopted(self) -> bool:
        """Whether anything runs whose end the system does not tell this runner of."""
        return any(not attempt.ours for attempt in self.attempts.values())

    def start(
        self,
        process: int,
        found: Process,
        resolve: Callable[[str], Path],
        variables: Mapping[str, str],
    ) -> None:
        """Start what was recorded as an attempt."""
        attempt = self.attempts[process]
        attempt.keeper = start(
            found,
            resolve,
            variables,
            traces=self.traces(process, attempt.number),
            witness=self.witness,
            mark=self._mark(process),
            grace=self.grace,
        )
        self._keepers[attempt.keeper] = process

    def ended(self) -> list[tuple[int, Ending | Loss]]:
        """Return what has ended since, and how, as far as anything tells."""
        self._reap()
        found = []
        for process, attempt in self.attempts.items():
            if not attempt.ours and (end := self._outcome(process, attempt)) is not None:
                found.append((process, end))
        return found

    def forget(self, process: int) -> Traces:
        """Forget an attempt that has ended; return its files."""
        return self.traces(process, self.attempts.pop(process).number)

    def kill(self, process: int) -> None:
        """Kill all that an attempt has started."""
        kill_marked(self._mark(process))

    def end(self, process: int, *, removed: bool) -> None:
        """Ask an attempt to end; it is killed after the grace.

        Parameters
        ----------
        process
            The process's row. One that does not run is left alone.
        removed
            Whether it is to be removed, and not to come back.
        """
        attempt = self.attempts.get(process)
        if attempt is None:
            return
        attempt.asked = True
        if attempt.ours:
            _terminate(attempt.keeper)
            return
        files = self.traces(process, attempt.number)
        try:
            claim = read_claim(files.claim)
        except FileNotFoundError:
            return  # its keeper was killed before it claimed it, and nothing was started
        if claim.life is Life.ALIVE:
            _terminate(claim.pid)
        elif claim.life is Life.ELSEWHERE and removed:
            # It can't be asked from here. Who removes it knows that it must not be waited for.
            write_ending(files.ending, Ending(asked=True, ended=time.time()))

    def _mark(self, process: int) -> str:
        return f"{self.home}:{process}:{self.attempts[process].number}"

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            process = self._keepers.pop(pid, None)
            attempt = self.attempts.get(process) if process is not None else None
            if attempt is not None and attempt.keeper == pid:
                attempt.ours = False

    def _outcome(self, process: int, attempt: Attempt) -> Ending | Loss | None:
        files = self.traces(process, attempt.number)
        end = outcome(files, self._mark(process))
        if end is None and attempt.asked:
            self._end_without_keeper(process, attempt, read_claim(files.claim))
        # Its keeper would have known that it was asked to end; who writes for it does not.
        if attempt.deadline is not None and isinstance(end, Ending) and end.signal:
            return replace(end, asked=True)
        return end

    def _end_without_keeper(self, process: int, attempt: Attempt, claim: Claim) -> None:
        """Do what the keeper would do of an attempt that is to end, where it was killed."""
        if claim.life is not Life.DEAD:
            return
        if attempt.deadline is None:
            signal_left(claim, self._mark(process), signal.SIGTERM)
            attempt.deadline = time.monotonic() + self.grace
        elif time.monotonic() > attempt.deadline:
            signal_left(claim, self._mark(process), signal.SIGKILL)
            self.kill(process)


def _terminate(keeper: int) -> None:
    if keeper and started_at(keeper):
        # In a shared project it may be another user's.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(keeper, signal.SIGTERM)
