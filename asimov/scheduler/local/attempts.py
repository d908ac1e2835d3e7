"""The attempts that run now: start them, notice that they ended, and end them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from asimov.scheduler.local.claims import Claim, Life, read_claim
from asimov.scheduler.local.endings import Ending, Traces, traces, write_ending
from asimov.scheduler.local.keeper import kill_marked, start
from asimov.scheduler.local.orphans import Loss, outcome, signal_left
from asimov.scheduler.local.process_spec import ProcessSpec
from asimov.system.processes import started_at


@dataclass(slots=True)
class Attempt:
    """One start of a process.

    Attributes
    ----------
    number
        Its number among the attempts of the process.
    cpus
        The processors that it uses.
    keeper
        The keeper's process id; 0 where unknown.
    ours
        Whether the keeper is a living child of this runner.
    asked
        Whether it was asked to end.
    deadline
        When to kill a program that was asked to end and has no keeper; None for any other.
    """

    number: int
    cpus: int
    keeper: int = 0
    ours: bool = True
    asked: bool = False
    deadline: float | None = None


class RunningAttempts:
    """The running attempts, by the number of the process's row.

    Parameters
    ----------
    folder
        The folder of their files.
    home
        An identifier of this queue, for marks.
    witness
        The witness, which takes over from killed keepers (see `asimov.scheduler.local.witness`).
    grace
        How many seconds a program has to end once asked; then it is killed.
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
        """Whether any attempt is not a child of this runner, so that its end has to be polled."""
        return any(not attempt.ours for attempt in self.attempts.values())

    def start(
        self,
        process: int,
        spec: ProcessSpec,
        resolve: Callable[[str], Path],
        variables: Mapping[str, str],
    ) -> None:
        """Start an attempt that was recorded."""
        attempt = self.attempts[process]
        attempt.keeper = start(
            spec,
            resolve,
            variables,
            traces=self.traces(process, attempt.number),
            witness=self.witness,
            mark=self._mark(process),
            grace=self.grace,
        )
        self._keepers[attempt.keeper] = process

    def ended(self) -> list[tuple[int, Ending | Loss]]:
        """Return the attempts that ended since the last call, and how, from all evidence."""
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
        """Kill every process that an attempt started."""
        kill_marked(self._mark(process))

    def end(self, process: int, *, removed: bool) -> None:
        """Ask an attempt to end; it is killed after the grace period.

        Parameters
        ----------
        process
            The number of the process's row; nothing happens if it does not run.
        removed
            Whether it is removed, rather than started again later.
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
            return  # its keeper was killed before claiming it: nothing was started
        if claim.life is Life.ALIVE:
            _terminate(claim.pid)
        elif claim.life is Life.ELSEWHERE and removed:
            # It can't be reached from here, and a removal must not wait for it.
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
        # The keeper would have recorded that it was asked to end; the witness does not know.
        if attempt.deadline is not None and isinstance(end, Ending) and end.signal:
            return structs.replace(end, asked=True)
        return end

    def _end_without_keeper(self, process: int, attempt: Attempt, claim: Claim) -> None:
        """End an attempt whose keeper was killed, as the keeper would."""
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
        # In a shared project it may belong to another user.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(keeper, signal.SIGTERM)
